//! How does an alert leave the house? Signed, to public addresses only unless the operator allows others.
//!
//! Invariant: the addresses that are checked are those that are connected to; no redirect and no proxy leads elsewhere.
//!
//! Requests are those of Standard Webhooks: `webhook-id`, `webhook-timestamp`, and `webhook-signature` with HMAC-SHA256
//! over `id.timestamp.body`, in base64. The id is also the `Idempotency-Key`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use ureq::Agent;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use crate::kb::models::Letter;

/// Longest time for one try.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Sends letters.
pub(super) struct Post {
    agent: Agent,
    private: bool,
}

/// Finds the addresses of a host, and gives none that may not be connected to.
#[derive(Debug)]
struct Guard {
    inner: DefaultResolver,
    private: bool,
}

impl Resolver for Guard {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.inner.resolve(uri, config, timeout)?;
        match found.iter().find(|address| !self.private && !is_public(address.ip())) {
            Some(address) => {
                Err(ureq::Error::Other(format!("the host leads to {}, which is not public", address.ip()).into()))
            }
            None => Ok(found),
        }
    }
}

impl Post {
    /// `private` says whether addresses that are not public, and addresses without TLS, may be sent to.
    pub fn new(private: bool) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .user_agent(concat!("zhiyin/", env!("CARGO_PKG_VERSION")))
            .timeout_global(Some(TIMEOUT))
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .max_idle_connections(0)
            .build();
        let guard = Guard { inner: DefaultResolver::default(), private };
        Self { agent: Agent::with_parts(config, DefaultConnector::default(), guard), private }
    }

    /// Whether an address may be sent to, as far as it says so itself.
    ///
    /// # Errors
    /// Why it may not.
    pub fn may(&self, url: &str) -> Result<(), String> {
        let uri: Uri = url.parse().map_err(|why| format!("it is no address: {why}"))?;
        let authority =
            uri.authority().ok_or("it names no host; give an address such as https://hooks.example/zhiyin")?;
        if authority.as_str().contains('@') {
            return Err("it must not hold a name or a password".into());
        }
        let host = authority.host();
        let port = authority.as_str().strip_prefix(host).and_then(|rest| rest.strip_prefix(':'));
        if port.is_some_and(|port| port.parse::<u16>().map_or(true, |port| port == 0)) {
            return Err("its port must be from 1 to 65535".into());
        }
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if self.private => {}
            _ => return Err("it must begin with https:// (http:// only where the server sets webhook_private)".into()),
        }
        let host = host.trim_start_matches('[').trim_end_matches(']');
        match host.parse::<IpAddr>() {
            Ok(ip) if !self.private && !is_public(ip) => {
                Err("it leads to an address that is not public, and the server does not set webhook_private".into())
            }
            _ => Ok(()),
        }
    }

    /// Sends a letter; it has arrived when the receiver answers with a status of success.
    ///
    /// # Errors
    /// Why it has not.
    pub fn send(&self, letter: &Letter) -> Result<(), String> {
        self.may(&letter.url)?;
        let signature = signature(letter)?;
        let request = self
            .agent
            .post(&letter.url)
            .header("content-type", "application/json")
            .header("webhook-id", &letter.id)
            .header("webhook-timestamp", letter.second.to_string())
            .header("webhook-signature", signature)
            .header("idempotency-key", &letter.id);
        let response = request.send(letter.body.as_str()).map_err(|why| why.to_string())?;
        let status = response.status();
        if status.is_success() { Ok(()) } else { Err(format!("the receiver answered with status {}", status.as_u16())) }
    }
}

fn signature(letter: &Letter) -> Result<String, String> {
    let secret = letter.secret.expose();
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret));
    let key = key.map_err(|_| "the secret is not base64".to_owned())?;
    let signed = format!("{}.{}.{}", letter.id, letter.second, letter.body);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes());
    Ok(format!("v1,{}", STANDARD.encode(tag.as_ref())))
}

/// Whether an address belongs to the public Internet (IANA's registries of special-purpose addresses).
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let benchmarks = a == 198 && (b == 18 || b == 19);
    let special = a == 0 || a >= 240 || (a == 192 && b == 0 && c == 0) || (a == 192 && b == 88 && c == 99);
    !(ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_multicast()
        || ip.is_broadcast()
        || ip.is_documentation()
        || shared
        || benchmarks
        || special)
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = ip.segments();
    let within = |high: u16, low: u16| {
        let ([w, x], [y, z]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(w, x, y, z))
    };
    // An IPv4 address inside: mapped, compatible, through NAT64, or through 6to4.
    if [a, b, c, d, e] == [0; 5] && (f == 0xffff || (f == 0 && (g != 0 || h > 1))) {
        return within(g, h);
    }
    if a == 0x64 && b == 0xff9b {
        return c == 0 && within(g, h);
    }
    if a == 0x2002 {
        return within(b, c);
    }
    // Global unicast alone, without documentation, benchmarks and tunnels.
    (0x2000..0x4000).contains(&a) && !(a == 0x2001 && (b < 0x200 || b == 0xdb8)) && !(a == 0x3fff && b < 0x1000)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use crate::model::account::Secret;

    #[test]
    fn only_public_addresses_are_public() {
        for public in ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "64:ff9b::101:101", "2002:101:101::1"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for other in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "192.0.2.1",
            "240.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::1",
            "2001:db8::1",
            "2001::1",
            "64:ff9b:1::1",
        ] {
            assert!(!is_public(other.parse().unwrap()), "{other}");
        }
    }

    #[test]
    fn an_address_says_whether_it_may_be_sent_to() {
        let (public, private) = (Post::new(false), Post::new(true));
        assert_eq!(public.may("https://hooks.example/x"), Ok(()));
        assert_eq!(public.may("https://hooks.example:8443/x"), Ok(()));
        for refused in [
            "http://hooks.example/x",
            "https://127.0.0.1/x",
            "https://[::1]/x",
            "https://u:p@hooks.example/",
            "ftp://x/",
            "https://hooks.example:99999/",
            "https://hooks.example:0/",
            "https://[2001:4860:4860::8888]:70000/",
            "/x",
            "",
        ] {
            assert!(public.may(refused).is_err(), "{refused}");
        }
        assert_eq!(private.may("http://127.0.0.1:9/x"), Ok(()));
        let letter = Letter {
            url: "https://localhost:1/x".into(),
            secret: Secret::new("whsec_".to_owned() + &"0".repeat(64)),
            id: "al_1".into(),
            second: 0,
            body: "{}".into(),
        };
        let refused = public.send(&letter).unwrap_err();
        assert!(refused.contains("not public"), "a name that leads home: {refused}");
    }

    #[test]
    fn a_signature_is_that_of_the_standard() {
        // The example of the Standard Webhooks specification.
        let letter = Letter {
            url: String::new(),
            secret: Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into()),
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek".into(),
            second: 1_614_265_330,
            body: r#"{"test": 2432232314}"#.into(),
        };
        assert_eq!(signature(&letter).unwrap(), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
