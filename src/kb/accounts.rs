//! Who may do what: keys, and the proofs that the other use cases ask for.
//!
//! Invariant: proofs are made here and nowhere else, and each holds the audiences of the key it came from.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::Kb;
use crate::error::{Error, FieldError, Result};
use crate::id::{KeyId, SpaceId};
use crate::model::account::{Key, MAX_RATE, NewKey, Scope};
use crate::model::article::Audience;
use crate::model::text::Label;
use crate::store::AuditDraft;

/// Name of the admin key that the environment sets.
const ENVIRONMENT_KEY: &str = "admin (environment)";
/// Shortest secret that an operator may set, in characters.
const MIN_SECRET: usize = 16;

/// Who calls: an authenticated key, or nobody.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The key; absent for a caller without one.
    pub key: Option<Arc<Key>>,
}

/// What a proof holds: where, whose articles, who.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The space.
    pub space: SpaceId,
    /// Whose articles the caller may see.
    pub audiences: Vec<Audience>,
    /// Name of the key, for authorship and audit.
    pub actor: String,
}

impl Grant {
    /// Whether the caller may see articles of that audience.
    pub fn sees(&self, audience: Audience) -> bool {
        self.audiences.contains(&audience)
    }
}

macro_rules! proofs {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name(Grant);

        impl $name {
            /// Where, whose articles, who.
            pub fn grant(&self) -> &Grant {
                &self.0
            }
        }
    )*};
}

proofs! {
    /// May search and ask (scope `search`, or a space open to the public).
    Reader;
    /// May read articles with their history (scope `articles:read`).
    Historian;
    /// May write versions (scope `articles:write`).
    Editor;
    /// May change what is live (scope `articles:publish`).
    Publisher;
    /// May read and work gaps (scope `gaps`).
    GapKeeper;
    /// May set a space's dictionary and synonyms (scope `curate`).
    Curator;
    /// May hand in conversations (scope `interactions`).
    Recorder;
    /// May read figures (scope `analytics`).
    Analyst;
}

/// May do everything everywhere (scope `admin`).
#[derive(Debug, Clone)]
pub struct Admin(String);

impl Admin {
    /// Name of the key, for audit.
    pub fn actor(&self) -> &str {
        &self.0
    }
}

fn hash(secret: &str) -> String {
    blake3::hash(secret.as_bytes()).to_hex().to_string()
}

/// A fresh secret: 244 random bits from the operating system.
fn fresh_secret() -> String {
    format!("zy_{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple())
}

impl Key {
    fn has(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope) || self.scopes.contains(&Scope::Admin)
    }

    fn reaches(&self, space: &SpaceId) -> bool {
        self.spaces.is_empty() || self.spaces.contains(space)
    }

    fn is_valid(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|at| now < at)
    }
}

impl Kb {
    /// Who holds this secret; nobody in particular without one.
    ///
    /// # Errors
    /// [`Error::KeyInvalid`] for a key that is unknown, taken back or expired.
    pub fn caller(&self, secret: Option<&str>, now: Timestamp) -> Result<Caller> {
        let Some(secret) = secret else { return Ok(Caller { key: None }) };
        // Looked up by hash: how long it takes says nothing about the secret. The comparison of the two hashes
        // is constant-time, as blake3 has it.
        let given = blake3::hash(secret.as_bytes());
        let key = self.inner.keys.read().get(given.to_hex().as_str()).cloned();
        let key = key.filter(|k| blake3::Hash::from_hex(&k.hash).is_ok_and(|known| known == given));
        let key = key.ok_or(Error::KeyInvalid("it is not known here"))?;
        if key.revoked_at.is_some() {
            return Err(Error::KeyInvalid("it was taken back"));
        }
        if !key.is_valid(now) {
            return Err(Error::KeyInvalid("it has expired"));
        }
        Ok(Caller { key: Some(key) })
    }

    fn grant(&self, caller: &Caller, space: &SpaceId, scope: Scope) -> Result<Grant> {
        let key = caller.key.as_ref().ok_or(Error::KeyMissing)?;
        if !key.has(scope) {
            return Err(Error::Forbidden(format!("it needs the scope '{}'", scope.as_str())));
        }
        if !key.reaches(space) {
            return Err(Error::Forbidden(format!("it does not reach the space '{space}'")));
        }
        self.space_settings(space)?;
        let audiences = if key.has(Scope::Admin) { Audience::ALL.to_vec() } else { key.audiences.clone() };
        Ok(Grant { space: space.clone(), audiences, actor: key.name.to_string() })
    }

    /// Proof that the caller may search and ask there.
    ///
    /// # Errors
    /// [`Error::KeyMissing`], [`Error::Forbidden`], [`Error::SpaceNotFound`]; so for every proof below.
    pub fn reader(&self, caller: &Caller, space: &SpaceId) -> Result<Reader> {
        if caller.key.is_none() {
            let open = self.space_settings(space).is_ok_and(|settings| settings.public_search);
            if open {
                let (space, audiences, actor) = (space.clone(), vec![Audience::Public], "public".to_owned());
                return Ok(Reader(Grant { space, audiences, actor }));
            }
        }
        self.grant(caller, space, Scope::Search).map(Reader)
    }

    /// Proof that the caller may read articles with their history there.
    ///
    /// # Errors
    /// As [`Kb::reader`].
    pub fn historian(&self, caller: &Caller, space: &SpaceId) -> Result<Historian> {
        self.grant(caller, space, Scope::ArticlesRead).map(Historian)
    }

    /// Proof that the caller may write versions there.
    ///
    /// # Errors
    /// As [`Kb::reader`].
    pub fn editor(&self, caller: &Caller, space: &SpaceId) -> Result<Editor> {
        self.grant(caller, space, Scope::ArticlesWrite).map(Editor)
    }

    /// Proof that the caller may change what is live there.
    ///
    /// # Errors
    /// As [`Kb::reader`].
    pub fn publisher(&self, caller: &Caller, space: &SpaceId) -> Result<Publisher> {
        self.grant(caller, space, Scope::ArticlesPublish).map(Publisher)
    }

    /// Proof that the caller may read and work gaps there.
    ///
    /// # Errors
    /// As [`Kb::reader`].
    pub fn gap_keeper(&self, caller: &Caller, space: &SpaceId) -> Result<GapKeeper> {
        self.grant(caller, space, Scope::Gaps).map(GapKeeper)
    }

    /// Proof that the caller may set the dictionary there.
    ///
    /// # Errors
    /// As [`Kb::reader`].
    pub fn curator(&self, caller: &Caller, space: &SpaceId) -> Result<Curator> {
        self.grant(caller, space, Scope::Curate).map(Curator)
    }

    /// Proof that the caller may hand in conversations there.
    ///
    /// # Errors
    /// As [`Kb::reader`].
    pub fn recorder(&self, caller: &Caller, space: &SpaceId) -> Result<Recorder> {
        self.grant(caller, space, Scope::Interactions).map(Recorder)
    }

    /// Proof that the caller may read figures there.
    ///
    /// # Errors
    /// As [`Kb::reader`].
    pub fn analyst(&self, caller: &Caller, space: &SpaceId) -> Result<Analyst> {
        self.grant(caller, space, Scope::Analytics).map(Analyst)
    }

    /// Proof that the caller may do everything.
    ///
    /// # Errors
    /// As [`Kb::reader`].
    pub fn admin(&self, caller: &Caller) -> Result<Admin> {
        self.allows(caller, Scope::Admin)?;
        let key = caller.key.as_ref().ok_or(Error::KeyMissing)?;
        if !key.spaces.is_empty() {
            return Err(Error::Forbidden("administration needs a key for all spaces".into()));
        }
        Ok(Admin(key.name.to_string()))
    }

    /// Whether the caller has a scope, where no space is concerned.
    ///
    /// # Errors
    /// [`Error::KeyMissing`], [`Error::Forbidden`].
    pub fn allows(&self, caller: &Caller, scope: Scope) -> Result<()> {
        let key = caller.key.as_ref().ok_or(Error::KeyMissing)?;
        if key.has(scope) {
            return Ok(());
        }
        Err(Error::Forbidden(format!("it needs the scope '{}'", scope.as_str())))
    }

    /// Whether a valid key allows this web origin.
    pub fn origin_allowed(&self, origin: &str, now: Timestamp) -> bool {
        let keys = self.inner.keys.read();
        keys.values().any(|k| k.is_valid(now) && k.allowed_origins.iter().any(|o| o == origin || o == "*"))
    }

    /// Makes a key; the secret is given once and kept nowhere.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] naming every wrong field; [`Error::SpaceNotFound`]; [`Error::AlreadyExists`] where a
    /// key of that name is in use.
    pub fn create_key(&self, admin: &Admin, new: NewKey, now: Timestamp) -> Result<(Key, String)> {
        let errors = check(&new, now);
        if !errors.is_empty() {
            return Err(Error::InvalidRequest(errors));
        }
        for space in &new.spaces {
            self.space_settings(space)?;
        }
        // The name stands as author and approver: two keys of one name would be one person to the four-eyes rule.
        let taken = self.inner.keys.read().values().any(|k| k.revoked_at.is_none() && k.name == new.name);
        if taken {
            return Err(Error::AlreadyExists { what: "key", id: new.name.to_string() });
        }
        let secret = fresh_secret();
        let key = self.store_key(new, &secret, admin.actor(), now)?;
        Ok((key, secret))
    }

    fn store_key(&self, new: NewKey, secret: &str, actor: &str, now: Timestamp) -> Result<Key> {
        let key = Key {
            id: KeyId::fresh(now.as_millisecond()),
            name: new.name,
            hash: hash(secret),
            scopes: new.scopes,
            spaces: new.spaces,
            audiences: new.audiences,
            allowed_origins: new.allowed_origins,
            rate_limit: new.rate_limit,
            expires_at: new.expires_at,
            created_at: now,
            revoked_at: None,
        };
        self.write_key(&key, "key.create", actor, now)?;
        Ok(key)
    }

    fn write_key(&self, key: &Key, action: &str, actor: &str, now: Timestamp) -> Result<()> {
        let store = &self.inner.store;
        let mut batch = store.batch();
        batch.put_key(key);
        let scopes: Vec<&str> = key.scopes.iter().map(|s| s.as_str()).collect();
        batch.audit(AuditDraft {
            at: now,
            actor: actor.to_owned(),
            action: action.to_owned(),
            space: None,
            subject: key.id.to_string(),
            detail: json!({ "name": key.name, "scopes": scopes, "spaces": key.spaces }),
        });
        let ticket = store.commit(batch)?;
        store.sync(ticket)?;
        self.inner.keys.write().insert(key.hash.clone(), Arc::new(key.clone()));
        Ok(())
    }

    /// A fresh admin secret that is held in memory alone: it ends with this process and never reaches the store.
    ///
    /// For a command that works on its own data directory through the API; whoever may open the directory may do
    /// everything in it anyway. In the audit log it stands as `local`.
    ///
    /// # Errors
    /// None in practice: the name is a fit one.
    pub fn key_of_this_process(&self, now: Timestamp) -> Result<String> {
        let NewKey { name, scopes, audiences, .. } = admin_key("local")?;
        let secret = fresh_secret();
        let key = Key {
            id: KeyId::fresh(now.as_millisecond()),
            name,
            hash: hash(&secret),
            scopes,
            spaces: Vec::new(),
            audiences,
            allowed_origins: Vec::new(),
            rate_limit: None,
            expires_at: None,
            created_at: now,
            revoked_at: None,
        };
        self.inner.keys.write().insert(key.hash.clone(), Arc::new(key));
        Ok(secret)
    }

    /// Every key, oldest first.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn list_keys(&self, _admin: &Admin) -> Result<Vec<Key>> {
        let mut keys = self.inner.store.list_keys()?;
        keys.sort_by(|a, b| a.created_at.cmp(&b.created_at).then_with(|| a.id.cmp(&b.id)));
        Ok(keys)
    }

    /// Takes a key back, at once; doing it again changes nothing.
    ///
    /// # Errors
    /// [`Error::KeyNotFound`].
    pub fn revoke_key(&self, admin: &Admin, id: &KeyId, now: Timestamp) -> Result<Key> {
        let mut key = self.inner.store.get_key(id)?.ok_or_else(|| Error::KeyNotFound(id.clone()))?;
        if key.revoked_at.is_none() {
            key.revoked_at = Some(now);
            self.write_key(&key, "key.revoke", admin.actor(), now)?;
        }
        Ok(key)
    }

    /// Reads the keys at start; on an empty store makes the first admin key, and gives its secret unless the operator
    /// set it.
    pub(crate) fn load_keys(&self, now: Timestamp) -> Result<Option<String>> {
        let keys = self.inner.store.list_keys()?;
        let none = keys.is_empty();
        *self.inner.keys.write() = keys.into_iter().map(|k| (k.hash.clone(), Arc::new(k))).collect();
        if let Some(secret) = self.inner.settings.admin_secret.clone() {
            self.set_environment_key(secret.expose(), now)?;
            return Ok(None);
        }
        if !none {
            return Ok(None);
        }
        let secret = fresh_secret();
        self.store_key(admin_key("admin")?, &secret, "system", now)?;
        Ok(Some(secret))
    }

    /// The environment's admin key is the one that is set now; an earlier one with its name is taken back.
    fn set_environment_key(&self, secret: &str, now: Timestamp) -> Result<()> {
        if secret.chars().count() < MIN_SECRET {
            return Err(Error::Config(format!("ZHIYIN_ADMIN_KEY must have at least {MIN_SECRET} characters")));
        }
        let mut present = false;
        for key in self.inner.store.list_keys()? {
            if key.name.as_str() != ENVIRONMENT_KEY || key.revoked_at.is_some() {
                continue;
            }
            if key.hash == hash(secret) {
                present = true;
            } else {
                let key = Key { revoked_at: Some(now), ..key };
                self.write_key(&key, "key.revoke", "system", now)?;
            }
        }
        if !present {
            self.store_key(admin_key(ENVIRONMENT_KEY)?, secret, "system", now)?;
        }
        Ok(())
    }
}

fn admin_key(name: &str) -> Result<NewKey> {
    let name = Label::try_from(name.to_owned()).map_err(|e| Error::Config(e.to_string()))?;
    Ok(NewKey {
        name,
        scopes: vec![Scope::Admin],
        spaces: Vec::new(),
        audiences: Audience::ALL.to_vec(),
        allowed_origins: Vec::new(),
        rate_limit: None,
        expires_at: None,
    })
}

fn check(new: &NewKey, now: Timestamp) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if new.scopes.is_empty() {
        errors.push(FieldError::new("scopes", "name at least one scope"));
    }
    if new.audiences.is_empty() {
        errors.push(FieldError::new("audiences", "name at least one audience"));
    }
    if new.rate_limit.is_some_and(|r| r == 0 || r > MAX_RATE) {
        errors.push(FieldError::new("rate_limit", format!("it is 1 to {MAX_RATE} requests a second")));
    }
    if new.expires_at.is_some_and(|at| at <= now) {
        errors.push(FieldError::new("expires_at", "it lies in the past"));
    }
    for (i, origin) in new.allowed_origins.iter().enumerate() {
        let plain = origin.split_once("://").is_some_and(|(scheme, host)| {
            matches!(scheme, "http" | "https") && !host.is_empty() && !host.contains(['/', '?', '#', ' '])
        });
        if !plain && origin != "*" {
            errors.push(FieldError::new(
                format!("allowed_origins[{i}]"),
                format!("'{origin}' is not an origin such as https://shop.example, nor '*'"),
            ));
        }
    }
    errors
}
