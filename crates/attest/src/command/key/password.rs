//! `attest key password`: the same keys under another password.
//!
//! A home's keys change together: the new files are written beside the old ones, opened, and put in
//! their place in one step, so that whoever dies at any moment leaves a home that one password opens.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use attest_sign::{Password, Protection, random_salt};
use clap::Args;
use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};
use serde_json::json;

use super::{Kept, KeyFile, PRIVATE_MODE};
use crate::args::HomeArgs;
use crate::audit::{self, Change};
use crate::console::Console;
use crate::failure::{Exit, Failure};
use crate::files::{self, Overwrite};
use crate::home::{Home, real};
use crate::identity::{Card, Keyring};
use crate::password::Source;

#[derive(Debug, Args)]
pub(super) struct PasswordArgs {
    /// A private key [default: all keys of the home]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Let the empty password open it (else: `ATTEST_NEW_PASSWORD`, the terminal)
    #[arg(long)]
    no_new_password: bool,
    #[command(flatten)]
    home: HomeArgs,
}

pub(super) fn run(args: &PasswordArgs, console: &Console) -> Result<(), Failure> {
    let (changed, password) = match &args.file {
        Some(path) => of_file(path, args)?,
        None => of_home(&args.home.home(), args)?,
    };
    let protection = Kept::of(&password);
    if console.is_json() {
        let keys: Vec<String> = changed.iter().map(|it| it.display().to_string()).collect();
        console.json(&json!({
            "version": 1,
            "command": "key password",
            "answer": Exit::Yes.word(),
            "exit": Exit::Yes.number(),
            "keys": keys,
            "protection": protection.code(),
        }));
        return Ok(());
    }
    for path in changed {
        let words = protection.words();
        console.say(format!("key        {} ({words})", path.display()));
    }
    console.say("note       copies and backups still open with the old password");
    Ok(())
}

/// The password is checked before a new one is asked for, and nothing is written before both are known.
fn of_file(path: &Path, args: &PasswordArgs) -> Result<(Vec<PathBuf>, Password), Failure> {
    if KeyFile::read(path)?.protection()? == Protection::None {
        let message = format!("{} is not encrypted: it has no password", path.display());
        return Err(Failure::request("key-unsupported", message)
            .hint("attest key import writes it encrypted, into another file"));
    }
    let mut keyring = Keyring::new(args.home.password());
    keyring.check(path)?;
    let password = args.choose()?;
    let changed = keyring.reseal(path, salt()?, &password)?;
    let change = Change::new("key.password").path(path);
    audit::traced(&args.home.home(), change, |_| {
        // Through a link: the link stays one.
        files::write(
            &real(path),
            changed.as_bytes(),
            PRIVATE_MODE,
            Overwrite::Force,
        )
    })?;
    Ok((vec![path.to_owned()], password))
}

fn of_home(home: &Home, args: &PasswordArgs) -> Result<(Vec<PathBuf>, Password), Failure> {
    Card::read(home)?;
    let _alone = lock(home)?;
    let keys = home.keys();
    let names = names(&keys)?;
    let mut keyring = Keyring::new(args.home.password());
    for name in &names {
        keyring.check(&keys.join(name))?;
    }
    let password = args.choose()?;
    let salt = salt()?;
    let mut changed = Vec::new();
    for name in &names {
        changed.push((name, keyring.reseal(&keys.join(name), salt, &password)?));
    }
    let change = Change::new("key.password").path(&keys);
    audit::traced(home, change, |_| {
        let stage = Stage::new(home)?;
        for (name, file) in &changed {
            let path = stage.0.join(name);
            files::write(&path, file.as_bytes(), PRIVATE_MODE, Overwrite::Refuse)?;
        }
        stage.take_the_place_of(&keys)
    })?;
    Ok((names.iter().map(|it| keys.join(it)).collect(), password))
}

impl PasswordArgs {
    fn choose(&self) -> Result<Password, Failure> {
        let source = Source::replacing(self.no_new_password);
        let chosen = source.choose("the key").map(Password::new);
        chosen.map_err(|failure| match failure.code {
            "password-required" => failure
                .hint("set ATTEST_NEW_PASSWORD, or pass --no-new-password for the empty password"),
            _ => failure,
        })
    }
}

fn salt() -> Result<[u8; 32], Failure> {
    random_salt().map_err(|error| Failure::unknown(error.code(), error))
}

/// Two runs would each put away what the other has made.
fn lock(home: &Home) -> Result<File, Failure> {
    let path = home.path();
    let folder = File::open(path).map_err(|error| files::write_failure(path, &error))?;
    flock(&folder, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
        let message = format!("another run is changing {}", path.display());
        Failure::unknown("home-locked", message)
    })?;
    Ok(folder)
}

/// The files of a home's keys. What else lies there would be lost, or keep its password.
fn names(keys: &Path) -> Result<Vec<String>, Failure> {
    let unreadable = |error: io::Error| {
        let message = format!("{}: {error}", keys.display());
        Failure::request("key-unreadable", message)
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(keys).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_ours = OURS.contains(&name.as_str()) && entry.path().is_file();
        if !is_ours {
            let message = format!("{} is no key that attest made", entry.path().display());
            return Err(Failure::request("identity-inconsistent", message)
                .hint("keep it elsewhere: the home's keys change their password together"));
        }
        names.push(name);
    }
    names.sort();
    Ok(names)
}

/// A folder beside the keys, which holds new keys and then the old ones until they are removed.
struct Stage(PathBuf);

impl Stage {
    /// Made anew: a run that died has left old keys or new ones in it, and its home is whole.
    fn new(home: &Home) -> Result<Self, Failure> {
        let stage = Self(home.path().join(STAGE));
        stage.remove()?;
        DirBuilder::new()
            .mode(0o700)
            .create(&stage.0)
            .map_err(|error| files::write_failure(&stage.0, &error))?;
        Ok(stage)
    }

    fn take_the_place_of(&self, keys: &Path) -> Result<(), Failure> {
        renameat_with(CWD, &self.0, CWD, keys, RenameFlags::EXCHANGE).map_err(|error| {
            let _ = self.remove();
            files::write_failure(keys, &io::Error::from(error))
        })?;
        files::sync_folder(&self.0)?;
        self.remove()
    }

    fn remove(&self) -> Result<(), Failure> {
        match fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(files::write_failure(&self.0, &error))
            }
            _ => Ok(()),
        }
    }
}

const STAGE: &str = ".keys.tmp";
const OURS: &[&str] = &["artifact.key", "checkpoint.key", "tsa-root.key", "tsa.key"];
