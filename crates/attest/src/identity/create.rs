//! A new home: made beside its place, then renamed, so that a run that fails leaves nothing.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use attest_log::{CheckpointSigner as _, Log};
use attest_sign::{Origin, Password, Unlock, create_identity, create_recovery_key};
use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock};

use super::{Card, Identity, exists, log_failure};
use crate::audit::{Audit, Change, Trail};
use crate::failure::Failure;
use crate::files::{self, Overwrite};
use crate::home::{Home, lies_inside};

/// What a new identity is made of.
#[derive(Debug)]
pub(crate) struct NewIdentity {
    pub(crate) origin: Option<Origin>,
    pub(crate) password: Password,
    pub(crate) recovery: Option<Recovery>,
}

/// A key that signs nothing until the artifact key is lost, kept outside the home.
#[derive(Debug)]
pub(crate) struct Recovery {
    pub(crate) path: PathBuf,
    pub(crate) password: Password,
}

/// What was made.
#[derive(Debug)]
pub(crate) struct Created {
    pub(crate) identity: Identity,
    /// `sha256:HEX` of the recovery key.
    pub(crate) recovery_pin: Option<String>,
}

impl NewIdentity {
    /// Refuses what would fail later, before anything is asked or made.
    ///
    /// # Errors
    /// `identity-exists`, `home-occupied`, `file-exists`, `recovery-inside`: exit 2.
    pub(crate) fn check_places(home: &Home, recovery: Option<&Path>) -> Result<(), Failure> {
        if home.exists() {
            return Err(Failure::request(
                "identity-exists",
                format!("{} holds an identity already", home.path().display()),
            )
            .hint("it is used as it is; attest init --export DIR writes its public half"));
        }
        let occupied = fs::read_dir(home.path()).map_or_else(
            |_| exists(home.path()),
            |mut entries| entries.next().is_some(),
        );
        if occupied {
            return Err(Failure::request(
                "home-occupied",
                format!("{} exists and is no home of attest", home.path().display()),
            )
            .hint("name another folder with --home"));
        }
        let Some(recovery) = recovery else {
            return Ok(());
        };
        if lies_inside(recovery, home.path()) {
            return Err(Failure::request(
                "recovery-inside",
                format!(
                    "the recovery key {} lies inside the home",
                    recovery.display()
                ),
            )
            .hint("who takes the home would take both keys; keep it offline"));
        }
        if exists(recovery) {
            return Err(Failure::request(
                "file-exists",
                format!("{} exists already", recovery.display()),
            ));
        }
        Ok(())
    }
}

/// Makes an identity in a home that does not exist yet.
///
/// # Errors
/// As [`NewIdentity::check_places`]; `disk-full`, `write-failed` (3), and then nothing is left.
pub(crate) fn create(home: &Home, new: &NewIdentity, now: Timestamp) -> Result<Created, Failure> {
    NewIdentity::check_places(home, new.recovery.as_ref().map(|it| it.path.as_path()))?;
    let mut work = Work::start(home)?;
    let created = work.make(home, new, now);
    if created.is_err() {
        work.undo();
    }
    created
}

/// What exists on disk so far, to take it away again.
struct Work {
    stage: PathBuf,
    made: Vec<PathBuf>,
    folders: Vec<PathBuf>,
    /// The lock on the stage: held by the one run that makes this home.
    _lock: File,
}

impl Work {
    fn start(home: &Home) -> Result<Self, Failure> {
        let place = std::path::absolute(home.path())
            .map_err(|error| files::write_failure(home.path(), &error))?;
        let parent = files::folder_of(&place);
        let folders = missing_folders(&parent);
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        let stage = parent.join(format!(".{}.init.tmp", name.trim_start_matches('.')));
        let lock = files::make_folder(&parent).and_then(|()| take_stage(&stage));
        if lock.is_err() {
            remove_empty(&folders);
        }
        Ok(Self {
            stage,
            made: Vec::new(),
            folders,
            _lock: lock?,
        })
    }

    fn make(&mut self, home: &Home, new: &NewIdentity, now: Timestamp) -> Result<Created, Failure> {
        let mut unlock = Unlock::new();
        let made = create_identity(new.origin.as_ref(), now, &mut unlock, &new.password)
            .map_err(|error| Failure::unknown(error.code(), error))?;
        let key = made.checkpoint_key.key();
        let card = Card::new(
            now,
            key.origin(),
            &made.artifact_key.fingerprint(),
            &key.log_id(),
        );
        let second_copy = home.second_copy(&key.log_id())?;
        let stage = Home::new(Some(&self.stage), None);
        self.write_files(&stage, &made.files)?;
        let recovery_pin = self.write_recovery(&stage, new.recovery.as_ref(), &mut unlock)?;
        self.make_log(&stage, &second_copy, &made.checkpoint_key)?;
        write(&stage.identity(), &card.to_json()?, 0o644)?;
        let change = Change::new("init").digest(&card.key);
        let mut audit = Audit::begin_in(Trail::of(&stage, &card.log), change)?;
        self.rename(home)?;
        audit.moved_to(home);
        audit.done(Ok(()))?;
        Ok(Created {
            identity: Identity {
                artifact_key: made.artifact_key,
                checkpoint_key: made.checkpoint_key,
                authority: made.authority,
                protected: !new.password.is_empty(),
                own_key: None,
                home: home.clone(),
                second_copy,
            },
            recovery_pin,
        })
    }

    #[expect(
        clippy::unused_self,
        reason = "stands beside its siblings, which need it"
    )]
    fn write_files(&self, stage: &Home, made: &attest_sign::IdentityFiles) -> Result<(), Failure> {
        make_folder(&stage.keys(), 0o700)?;
        make_folder(&stage.trust(), 0o755)?;
        write(&stage.path().join(".gitignore"), b"*\n", 0o644)?;
        for (path, contents) in [
            (stage.artifact_key(), &made.artifact_key),
            (stage.checkpoint_key(), &made.checkpoint_key),
            (stage.authority_root_key(), &made.authority_root_key),
            (stage.authority_key(), &made.authority_key),
        ] {
            write(&path, contents.as_bytes(), 0o600)?;
        }
        write(
            &stage.authority_chain(),
            made.authority_chain.as_bytes(),
            0o644,
        )?;
        write(&stage.public_key(), made.public_key.as_bytes(), 0o644)?;
        write(&stage.trusted_root(), &made.trusted_root, 0o644)
    }

    fn write_recovery(
        &mut self,
        stage: &Home,
        recovery: Option<&Recovery>,
        unlock: &mut Unlock,
    ) -> Result<Option<String>, Failure> {
        let Some(recovery) = recovery else {
            return Ok(None);
        };
        let key = create_recovery_key(unlock, &recovery.password)
            .map_err(|error| Failure::unknown(error.code(), error))?;
        write(
            &stage.recovery_public_key(),
            key.public_key.as_bytes(),
            0o644,
        )?;
        write(&recovery.path, key.key.as_bytes(), 0o600)?;
        self.made.push(recovery.path.clone());
        Ok(Some(format!("sha256:{}", hex::encode(key.fingerprint))))
    }

    fn make_log(
        &mut self,
        stage: &Home,
        second_copy: &Path,
        signer: &attest_sign::CheckpointKey,
    ) -> Result<(), Failure> {
        let folder = files::folder_of(second_copy);
        let folders = missing_folders(&folder);
        let is_new = !exists(second_copy);
        files::make_folder(&folder)?;
        self.folders.extend(folders);
        if is_new {
            self.made.push(second_copy.to_owned());
            let mut lock = second_copy.as_os_str().to_owned();
            lock.push(".lock");
            self.made.push(PathBuf::from(lock));
        }
        Log::create(&stage.log(), second_copy, signer)
            .map(drop)
            .map_err(|error| log_failure(&error))
    }

    fn rename(&self, home: &Home) -> Result<(), Failure> {
        // Over an empty folder of that name, never over one that holds something.
        fs::rename(&self.stage, home.path())
            .map_err(|error| files::write_failure(home.path(), &error))?;
        files::sync_folder(home.path())
    }

    fn undo(&mut self) {
        let _ = fs::remove_dir_all(&self.stage);
        for file in self.made.drain(..) {
            let _ = fs::remove_file(file);
        }
        remove_empty(&self.folders);
    }
}

/// Makes the stage, or takes over what a run that died has left in it.
fn take_stage(stage: &Path) -> Result<File, Failure> {
    let failed = |error: std::io::Error| files::write_failure(stage, &error);
    match DirBuilder::new().mode(0o755).create(stage) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(failed(error));
        }
        _ => {}
    }
    let lock = File::open(stage).map_err(failed)?;
    flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
        Failure::unknown(
            "home-locked",
            format!("another run is making {}", stage.display()),
        )
    })?;
    for entry in fs::read_dir(stage).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let removed = if path.is_dir() {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
        removed.map_err(failed)?;
    }
    Ok(lock)
}

fn remove_empty(folders: &[PathBuf]) {
    for folder in folders.iter().rev() {
        let _ = fs::remove_dir(folder);
    }
}

/// The folders that [`files::make_folder`] would make, from the outermost.
fn missing_folders(path: &Path) -> Vec<PathBuf> {
    let mut missing: Vec<PathBuf> = path
        .ancestors()
        .take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists())
        .map(Path::to_owned)
        .collect();
    missing.reverse();
    missing
}

fn make_folder(path: &Path, mode: u32) -> Result<(), Failure> {
    DirBuilder::new()
        .mode(mode)
        .create(path)
        .map_err(|error| files::write_failure(path, &error))
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Failure> {
    files::write(path, bytes, mode, Overwrite::Refuse)
}
