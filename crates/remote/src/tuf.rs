//! Trusted roots from TUF repositories: `sigstore-tuf` is named here alone.
//!
//! ```text
//! root.json N ─► N+1 ─► … ─► timestamp ─► snapshot ─► targets ─► trusted_root.json
//! ```
//!
//! Each arrow is a threshold of signatures. [`prove`] walks it over bytes that are at hand, as of a
//! given moment; [`refresh`] fetches what is newer, and wants it in force now. Only the top-level role
//! `targets` is asked for the target: no delegation leads to a trusted root.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use sigstore_tuf::transport::FetchFuture;
use sigstore_tuf::{
    Error, MemoryStore, MetadataStore, Repository, Role, Root, TargetFile, TrustedMetadataSet,
    Updater, UpdaterConfig,
};

use crate::http::{Mirror, Patience};
use crate::limits;
use crate::tuf_error::{MirrorError, TufError};
use crate::tuf_state::Metadata;

/// What a walk through a repository's metadata has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    /// The first and the last version of `root.json`.
    pub roots: (u64, u64),
    /// When the last of them expires.
    pub root_expires: Timestamp,
    /// The roles below it; absent if only roots were at hand.
    pub roles: Option<RoleVersions>,
}

/// The versions of the roles that lead to a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleVersions {
    /// Of `timestamp.json`.
    pub timestamp: u64,
    /// When it expires.
    pub timestamp_expires: Timestamp,
    /// Of `snapshot.json`.
    pub snapshot: u64,
    /// Of `targets.json`.
    pub targets: u64,
}

/// A trusted root that a repository has now.
#[derive(Debug)]
pub struct Refreshed {
    /// Its bytes.
    pub target: Vec<u8>,
    /// What led to it.
    pub walk: Walk,
    /// That metadata, to be kept: what is older is a rollback from now on.
    pub metadata: Metadata,
    /// Whether versions seen before were there to compare with.
    pub compared: bool,
}

/// Walks metadata that is at hand, as of a moment, and asserts that it leads to these bytes.
///
/// # Errors
/// A link does not hold, as of then.
pub fn prove(metadata: &Metadata, target: &[u8], as_of: Timestamp) -> Result<Walk, TufError> {
    let (began, set) = walk(metadata, as_of)?;
    let roles = if metadata.roles.is_some() {
        set.check_root_expired(as_of).map_err(failed)?;
        check_target(&listed(&set, TARGET)?, target)?;
        Some(versions(&set)?)
    } else {
        None
    };
    Ok(Walk {
        roots: (began, set.root().version),
        root_expires: set.root().expires,
        roles,
    })
}

/// Walks from the first root to the roles, as of a moment; with the version of that root.
fn walk(metadata: &Metadata, as_of: Timestamp) -> Result<(u64, TrustedMetadataSet), TufError> {
    let mut roots = metadata.roots.iter();
    let first = roots
        .next()
        .ok_or_else(|| TufError::Root("there is none".to_owned()))?;
    let mut set = start(first)?;
    let began = set.root().version;
    for root in roots {
        set.update_root(root).map_err(failed)?;
        distinct_keys(set.root())?;
    }
    if let Some(roles) = &metadata.roles {
        set.update_timestamp(&roles.timestamp, as_of)
            .map_err(failed)?;
        set.update_snapshot(&roles.snapshot, as_of)
            .map_err(failed)?;
        set.update_targets(&roles.targets, as_of).map_err(failed)?;
    }
    Ok((began, set))
}

/// Fetches the trusted root that a repository has now.
///
/// Trust starts from the last root of `known`; its other roles, and those of `kept`, are floors below
/// which nothing is taken.
///
/// # Errors
/// The repository cannot be read, or what it says does not hold now; `tuf-state-unusable` for what was kept of
/// another repository, or was not signed by the one that it names.
pub fn refresh(
    known: &Metadata,
    kept: Option<&Metadata>,
    address: &str,
    patience: Patience,
    now: Timestamp,
) -> Result<Refreshed, TufError> {
    let mirror = Mirror::new(address, patience)?;
    let start_from = known
        .roots
        .last()
        .ok_or_else(|| TufError::Root("there is none".to_owned()))?;
    start(start_from)?;
    let store = Arc::new(MemoryStore::new());
    let compared = fill(&store, known, kept, start_from)?;
    let fetching = Fetching::new(mirror.clone());
    let failure = Arc::clone(&fetching.failure);
    let updater = Updater::new(fetching, start_from).map_err(failed)?;
    let mut updater = updater.with_config(bounds()).with_store(Arc::clone(&store));
    let fetched = mirror.block_on(fetch(&mut updater, now))?;
    // What the mirror did comes before what the client made of it.
    if let Some(error) = failure
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take()
    {
        return Err(error.into());
    }
    let target = fetched.map_err(failed)?;
    let set = updater.trusted();
    let metadata = collect(&store, start_from, set.root().version)?;
    for root in &metadata.roots {
        distinct_keys(start(root)?.root())?;
    }
    Ok(Refreshed {
        target,
        walk: Walk {
            roots: (version_of(start_from)?, set.root().version),
            root_expires: set.root().expires,
            roles: Some(versions(set)?),
        },
        metadata,
        compared,
    })
}

/// The name of the target in every repository of a Sigstore instance.
const TARGET: &str = "trusted_root.json";

async fn fetch(updater: &mut Updater, now: Timestamp) -> Result<Vec<u8>, Error> {
    updater.refresh(now).await?;
    let target = updater
        .trusted()
        .targets_role("targets")
        .and_then(|it| it.targets.get(TARGET))
        .cloned()
        .ok_or_else(|| Error::TargetNotFound(TARGET.to_owned()))?;
    updater.download_target(&target, TARGET).await
}

/// A root that is trusted as it is: it must sign itself, with keys that are different ones.
fn start(root: &[u8]) -> Result<TrustedMetadataSet, TufError> {
    if root.len() as u64 > limits::ROOT_BYTES {
        return Err(TufError::Root(format!(
            "more than {} bytes",
            limits::ROOT_BYTES
        )));
    }
    let set = TrustedMetadataSet::from_root(root)
        .map_err(|error| TufError::Root(failed(error).to_string()))?;
    distinct_keys(set.root())?;
    Ok(set)
}

fn version_of(root: &[u8]) -> Result<u64, TufError> {
    Ok(start(root)?.root().version)
}

/// One key under two ids would count twice.
fn distinct_keys(root: &Root) -> Result<(), TufError> {
    for (role, keys) in &root.roles {
        let mut seen = Vec::new();
        for id in &keys.keyids {
            let Some(key) = root.keys.get(id) else {
                continue;
            };
            let public = key.keyval.public.trim().to_owned();
            if seen.contains(&public) {
                return Err(TufError::Duplicate {
                    role: role.clone(),
                    key: id.clone(),
                });
            }
            seen.push(public);
        }
    }
    Ok(())
}

/// The roles that were seen last, of the chain that is known and of what was kept. That must be of the same
/// repository: somebody else's would set no floor, and the one that we have seen would be forgotten.
fn floor<'m>(
    known: &'m Metadata,
    kept: Option<&'m Metadata>,
) -> Result<Option<&'m crate::tuf_state::RoleBytes>, TufError> {
    let Some(kept) = kept else {
        return Ok(known.roles.as_ref());
    };
    let unusable = |error: TufError| TufError::State(error.to_string());
    let Some(roles) = &kept.roles else {
        return Err(TufError::State(
            "it has no timestamp, snapshot and targets: what was kept of a refresh has them"
                .to_owned(),
        ));
    };
    // What ended since was seen nevertheless.
    let seen = |of: &Metadata| -> Result<u64, TufError> {
        let set = walk(of, Timestamp::MIN)?.1;
        Ok(set.timestamp().map_or(0, |it| it.version))
    };
    let kept_version = seen(kept).map_err(unusable)?;
    let mut is_joined = false;
    for one in &known.roots {
        let version = version_of(one)?;
        for other in &kept.roots {
            if version_of(other).map_err(unusable)? != version {
                continue;
            }
            if one != other {
                return Err(TufError::State(format!(
                    "it is of another repository: its root {version} is another one"
                )));
            }
            is_joined = true;
        }
    }
    if !is_joined {
        return Err(TufError::State(
            "it has no root that is known here: it is of another repository, or older than the root that is given"
                .to_owned(),
        ));
    }
    Ok(match &known.roles {
        Some(known_roles) if seen(known)? > kept_version => Some(known_roles),
        _ => Some(roles),
    })
}

/// Puts what was seen before where the client looks for it; whether there was any.
fn fill(
    store: &MemoryStore,
    known: &Metadata,
    kept: Option<&Metadata>,
    start_from: &[u8],
) -> Result<bool, TufError> {
    let put = |name: &str, bytes: &[u8]| store.store(name, bytes).map_err(failed);
    let begin = version_of(start_from)?;
    // A kept root is only of use if it continues ours; whether it does, the client finds out.
    for root in kept.iter().flat_map(|it| &it.roots) {
        let version = version_of(root).map_err(|error| TufError::State(error.to_string()))?;
        if version > begin {
            put(&format!("root_history/{version}.root.json"), root)?;
        }
    }
    let roles = floor(known, kept)?;
    if let Some(roles) = roles {
        put("timestamp.json", &roles.timestamp)?;
        put("snapshot.json", &roles.snapshot)?;
        put("targets.json", &roles.targets)?;
    }
    Ok(roles.is_some())
}

fn collect(store: &MemoryStore, first: &[u8], last: u64) -> Result<Metadata, TufError> {
    let get = |name: &str| {
        store
            .load(name)
            .map_err(failed)?
            .ok_or_else(|| TufError::Malformed(format!("{name} was not seen")))
    };
    let begin = version_of(first)?;
    let mut roots = vec![first.to_vec()];
    for version in begin.saturating_add(1)..=last {
        roots.push(get(&format!("root_history/{version}.root.json"))?);
    }
    Ok(Metadata {
        roots,
        roles: Some(crate::tuf_state::RoleBytes {
            timestamp: get("timestamp.json")?,
            snapshot: get("snapshot.json")?,
            targets: get("targets.json")?,
        }),
    })
}

fn bounds() -> UpdaterConfig {
    let mut config = UpdaterConfig::default();
    config.root_max_length = limits::ROOT_BYTES;
    config.timestamp_max_length = limits::TIMESTAMP_BYTES;
    config.snapshot_max_length = limits::METADATA_BYTES;
    config.targets_max_length = limits::METADATA_BYTES;
    config.target_max_length = limits::TARGET_BYTES;
    config.max_root_rotations = limits::ROOT_ROTATIONS;
    config.max_delegations = 1;
    config
}

fn listed(set: &TrustedMetadataSet, name: &str) -> Result<TargetFile, TufError> {
    set.targets_role("targets")
        .and_then(|it| it.targets.get(name))
        .cloned()
        .ok_or_else(|| TufError::Target {
            name: name.to_owned(),
        })
}

fn check_target(listed: &TargetFile, bytes: &[u8]) -> Result<(), TufError> {
    let digest = attest_digest::Artifact::of_bytes(bytes, attest_digest::Hashes::Sha256).sha256();
    let found = hex::encode(digest.as_bytes());
    let wanted = listed.hashes.get("sha256").map(String::as_str);
    if listed.length != bytes.len() as u64 || wanted != Some(found.as_str()) {
        return Err(TufError::Integrity(format!(
            "{TARGET} is sha256:{found}, targets.json wants {}",
            wanted.unwrap_or("no SHA-256")
        )));
    }
    Ok(())
}

fn versions(set: &TrustedMetadataSet) -> Result<RoleVersions, TufError> {
    let missing = || TufError::Malformed("a role is missing".to_owned());
    let timestamp = set.timestamp().ok_or_else(missing)?;
    Ok(RoleVersions {
        timestamp: timestamp.version,
        timestamp_expires: timestamp.expires(),
        snapshot: set.snapshot().ok_or_else(missing)?.version,
        targets: set.targets_role("targets").ok_or_else(missing)?.version,
    })
}

fn failed(error: Error) -> TufError {
    match error {
        Error::ThresholdNotMet {
            role,
            found,
            threshold,
        } => TufError::Threshold {
            role,
            found,
            wanted: threshold,
        },
        Error::DuplicateSignature { role, key_id } => TufError::Duplicate { role, key: key_id },
        Error::Rollback { role, trusted, new } => TufError::Rollback {
            role,
            found: new,
            known: trusted,
        },
        Error::BadRootVersion { trusted, new } => TufError::RootVersion {
            found: new,
            known: trusted,
        },
        Error::Expired { role, expires } => TufError::Expired { role, at: expires },
        Error::IntegrityMismatch(what) => TufError::Integrity(what),
        Error::TargetNotFound(name) => TufError::Target { name },
        other => TufError::Malformed(with_sources(&other)),
    }
}

fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// The client's view of the mirror, which remembers what went wrong there.
struct Fetching {
    mirror: Mirror,
    failure: Arc<Mutex<Option<MirrorError>>>,
}

impl Fetching {
    fn new(mirror: Mirror) -> Self {
        Self {
            mirror,
            failure: Arc::default(),
        }
    }

    async fn get(
        &self,
        folder: &'static str,
        name: &str,
        most: u64,
    ) -> Result<Option<Vec<u8>>, Error> {
        let got = if is_plain(name) {
            self.mirror.get(folder, name, most).await
        } else {
            Err(MirrorError::Name {
                name: name.to_owned(),
            })
        };
        // Only the next root may be absent.
        let got = match got {
            Ok(None) if !name.ends_with(".root.json") => Err(MirrorError::Missing {
                host: self.mirror.host().to_owned(),
                name: name.to_owned(),
            }),
            other => other,
        };
        got.map_err(|error| {
            let text = error.to_string();
            *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            Error::transport(text)
        })
    }
}

/// Names come out of metadata: none of them leads anywhere else.
fn is_plain(name: &str) -> bool {
    !name.starts_with('.')
        && name.len() <= 255
        && name
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || matches!(it, b'.' | b'-' | b'_'))
}

impl Repository for Fetching {
    fn fetch_metadata<'a>(&'a self, name: &'a str, max_length: u64) -> FetchFuture<'a> {
        Box::pin(self.get("", name, max_length))
    }

    fn fetch_target<'a>(&'a self, path: &'a str, max_length: u64) -> FetchFuture<'a> {
        Box::pin(self.get("targets/", path, max_length))
    }
}

#[cfg(test)]
mod tests;
