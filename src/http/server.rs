//! How the door opens and closes: listeners, connections, graceful shutdown.
//!
//! Invariant: a stopped server has answered every request it accepted, within the shutdown timeout.

use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use actix_web::dev::ServerHandle;
use actix_web::http::Method;
use actix_web::middleware::Compress;
use actix_web::rt::{self, Runtime, System};
use actix_web::web::{self, ServiceConfig};
use actix_web::{App, HttpRequest, HttpServer, guard};

use super::route::Route;
use super::settings::HttpSettings;
use super::state::State;
use super::{door, metrics};
use crate::error::Error;
use crate::kb::Kb;

/// A server that is listening.
pub struct Server {
    /// Where the API is.
    pub address: SocketAddr,
    /// Where the private `/metrics` is.
    pub metrics_address: Option<SocketAddr>,
    handles: Vec<ServerHandle>,
    thread: JoinHandle<std::io::Result<()>>,
}

struct Started {
    address: SocketAddr,
    metrics_address: Option<SocketAddr>,
    handles: Vec<ServerHandle>,
}

/// Opens the listeners and serves on threads of its own.
///
/// # Errors
/// [`Error::Config`] when an address cannot be listened on.
#[expect(clippy::disallowed_methods, reason = "the thread of the event loops")]
pub fn start(kb: Kb, settings: HttpSettings) -> Result<Server, Error> {
    let (tell, told) = mpsc::channel();
    let state = Arc::new(State::new(kb, settings));
    let thread =
        std::thread::Builder::new().name("http".into()).spawn(move || System::new().block_on(listen(state, tell)));
    let thread = thread.map_err(|why| Error::Config(format!("no thread for the server: {why}")))?;
    let started = told.recv().map_err(|_| Error::Config("the server did not start".into()))??;
    Ok(Server { address: started.address, metrics_address: started.metrics_address, handles: started.handles, thread })
}

#[expect(clippy::disallowed_methods, reason = "the server runs for as long as its thread")]
async fn listen(state: Arc<State>, tell: mpsc::Sender<Result<Started, Error>>) -> std::io::Result<()> {
    let settings = state.settings.clone();
    let (api, address) = match api(state.clone(), &settings) {
        Ok(bound) => bound,
        Err(why) => return refuse_to_start(&tell, settings.listen, &why),
    };
    let mut handles = vec![api.handle()];
    let mut metrics_address = None;
    if let Some(listen) = settings.metrics_listen {
        match private(state, listen) {
            Ok((server, bound)) => {
                handles.push(server.handle());
                metrics_address = Some(bound);
                rt::spawn(server);
            }
            Err(why) => return refuse_to_start(&tell, listen, &why),
        }
    }
    // Nobody listens any more only when the starter is gone; then the server ends with it.
    let _ = tell.send(Ok(Started { address, metrics_address, handles }));
    api.await
}

fn refuse_to_start(
    tell: &mpsc::Sender<Result<Started, Error>>,
    at: SocketAddr,
    why: &std::io::Error,
) -> std::io::Result<()> {
    let _ = tell.send(Err(Error::Config(format!("cannot listen on {at}: {why}"))));
    Ok(())
}

fn api(state: Arc<State>, settings: &HttpSettings) -> std::io::Result<(actix_web::dev::Server, SocketAddr)> {
    let server = HttpServer::new(move || {
        let state = Arc::clone(&state);
        App::new().wrap(Compress::default()).configure(move |config| routes(config, &state))
    });
    let server = server
        .workers(settings.workers)
        .max_connections(settings.max_connections)
        .keep_alive(settings.keep_alive)
        .client_request_timeout(settings.client_timeout)
        .client_disconnect_timeout(settings.client_timeout)
        .shutdown_timeout(settings.shutdown_timeout.as_secs())
        .tcp_nodelay(true)
        .disable_signals()
        .bind(settings.listen)?;
    bound(server.addrs(), settings.listen).map(|address| (server.run(), address))
}

fn private(state: Arc<State>, listen: SocketAddr) -> std::io::Result<(actix_web::dev::Server, SocketAddr)> {
    let server = HttpServer::new(move || {
        let state = Arc::clone(&state);
        App::new().route(
            "/metrics",
            web::get().to(move || {
                let outcome = metrics::reply(&state);
                async move { door::plain(outcome) }
            }),
        )
    });
    let server = server.workers(1).disable_signals().bind(listen)?;
    bound(server.addrs(), listen).map(|address| (server.run(), address))
}

fn bound(addresses: Vec<SocketAddr>, asked: SocketAddr) -> std::io::Result<SocketAddr> {
    addresses.first().copied().ok_or_else(|| std::io::Error::other(format!("nothing is bound for {asked}")))
}

/// Registers every route, and what answers where there is none.
pub fn routes(config: &mut ServiceConfig, state: &Arc<State>) {
    for (path, routes) in by_path(&state.routes) {
        let mut resource = web::resource(path);
        let mut methods: Vec<String> = Vec::new();
        for route in routes {
            methods.push(route.method.to_string());
            resource = resource.route(serving(state, route));
        }
        let (state, allow) = (Arc::clone(state), methods.join(", "));
        let refuse = move |head: HttpRequest| door::refuse(Arc::clone(&state), head, Some(allow.clone()));
        config.service(resource.default_service(web::to(refuse)));
    }
    let state = Arc::clone(state);
    config.default_service(web::to(move |head: HttpRequest| door::refuse(Arc::clone(&state), head, None)));
}

fn by_path(routes: &[Arc<Route>]) -> Vec<(&'static str, Vec<&Arc<Route>>)> {
    let mut paths: Vec<(&'static str, Vec<&Arc<Route>>)> = Vec::new();
    for route in routes {
        match paths.iter_mut().find(|(path, _)| *path == route.path) {
            Some((_, same)) => same.push(route),
            None => paths.push((route.path, vec![route])),
        }
    }
    paths
}

fn serving(state: &Arc<State>, route: &Arc<Route>) -> actix_web::Route {
    let (state, route) = (Arc::clone(state), Arc::clone(route));
    let method = route.method.clone();
    let serve =
        move |head: HttpRequest, raw: web::Payload| door::enter(Arc::clone(&state), Arc::clone(&route), head, raw);
    // What can be got can be asked for without its body (RFC 9110, section 9.3.2).
    let actix = if method == Method::GET {
        web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
    } else {
        web::method(method)
    };
    actix.to(serve)
}

impl Server {
    /// Stops accepting, finishes what was accepted, and ends.
    ///
    /// # Errors
    /// [`Error::Config`] when the server had ended badly before.
    pub fn stop(self) -> Result<(), Error> {
        for handle in &self.handles {
            // The command is sent by the call; its future would only wait, which the join does.
            drop(handle.stop(true));
        }
        match self.thread.join() {
            Ok(Ok(())) => Ok(()),
            Ok(Err(why)) => Err(Error::Config(format!("the server ended badly: {why}"))),
            Err(_) => Err(Error::Config("the server's thread panicked".into())),
        }
    }
}

/// Blocks until the process is asked to end (SIGTERM, SIGINT).
///
/// # Errors
/// [`Error::Config`] when signals cannot be listened for.
pub fn until_asked_to_stop() -> Result<(), Error> {
    let runtime = Runtime::new().map_err(|why| Error::Config(format!("signals: {why}")))?;
    runtime.block_on(signal()).map_err(|why| Error::Config(format!("signals: {why}")))
}

#[cfg(unix)]
async fn signal() -> std::io::Result<()> {
    use futures_util::future::{Either, select};
    use std::pin::pin;
    let mut terminate = rt::signal::unix::signal(rt::signal::unix::SignalKind::terminate())?;
    let interrupt = pin!(rt::signal::ctrl_c());
    match select(pin!(terminate.recv()), interrupt).await {
        Either::Left(_) => Ok(()),
        Either::Right((interrupted, _)) => interrupted,
    }
}

#[cfg(not(unix))]
async fn signal() -> std::io::Result<()> {
    rt::signal::ctrl_c().await
}
