//! `attest key`: makes, imports and shows signing keys that stand in a file of their own, and changes
//! passwords.

mod list;
mod password;
mod succession;

use std::path::{Path, PathBuf};

use attest_sign::{ArtifactKey, Password, Protection, Unlock, random_salt};
use attest_verify::PublicKey;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::args::{Global, HomeArgs};
use crate::audit::{self, Change};
use crate::console::Console;
use crate::failure::{Exit, Failure};
use crate::files::{self, Overwrite};
use crate::home::Home;
use crate::identity::{Card, Keyring, token};
use crate::password::Source;

#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Make a new P-256 key: FILE, encrypted as cosign has it, and its public half in FILE.pub
    Generate(GenerateArgs),
    /// Read a key in PKCS#8, SEC 1 or cosign's form and write it encrypted
    Import(ImportArgs),
    /// Print the public half of a key as PEM
    Public(PublicArgs),
    /// Say what a key file holds: kind, protection, pin
    Show(ShowArgs),
    /// Show the keys that a token holds, by its PKCS#11 URI
    List(list::ListArgs),
    /// Record that another key takes the place of one: signed by the recovery key
    Rotate(Box<succession::RotateArgs>),
    /// Record that a key goes out of use: signed by the recovery key
    Retire(Box<succession::RetireArgs>),
    /// Change the password of the home's keys, all at once, or of one key file
    Password(password::PasswordArgs),
}

#[derive(Debug, Args)]
struct GenerateArgs {
    /// Where the private key is written; the public half goes beside it as .pub
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    protect: ProtectArgs,
}

#[derive(Debug, Args)]
struct ImportArgs {
    /// The key to import
    #[arg(value_name = "FILE")]
    from: PathBuf,
    /// Where the encrypted key is written; the public half goes beside it as .pub
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    protect: ProtectArgs,
}

/// How a key file that is written is protected.
#[derive(Debug, Args)]
struct ProtectArgs {
    /// Use the empty password (else: `ATTEST_PASSWORD`, `COSIGN_PASSWORD`, the terminal)
    #[arg(long)]
    no_password: bool,
    /// Replace files that exist
    #[arg(long)]
    force: bool,
    /// The home whose audit trail records it, if there is one [default: .attest]
    #[arg(long, value_name = "DIR", env = "ATTEST_HOME")]
    home: Option<PathBuf>,
}

impl ProtectArgs {
    fn home(&self) -> Home {
        Home::new(self.home.as_deref(), None)
    }
}

#[derive(Debug, Args)]
struct PublicArgs {
    /// A private or public key, or the pkcs11: URI of one in a token [default: the home's signing key]
    #[arg(value_name = "FILE|URI")]
    file: Option<PathBuf>,
    /// Write it here instead of printing it
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace a file that exists
    #[arg(long, requires = "out")]
    force: bool,
    #[command(flatten)]
    home: HomeArgs,
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// A private or public key, or the pkcs11: URI of one in a token [default: the home's signing key]
    #[arg(value_name = "FILE|URI")]
    file: Option<PathBuf>,
    #[command(flatten)]
    home: HomeArgs,
}

pub(crate) fn run(args: &KeyArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    match &args.command {
        KeyCommand::Generate(args) => generate(args, console),
        KeyCommand::Import(args) => import(args, console),
        KeyCommand::Public(args) => public(args, console),
        KeyCommand::Show(args) => show(args, console),
        KeyCommand::List(args) => list::run(args, console),
        KeyCommand::Rotate(args) => succession::rotate(args, global, console),
        KeyCommand::Retire(args) => succession::retire(args, global, console),
        KeyCommand::Password(args) => password::run(args, console),
    }?;
    Ok(Exit::Yes)
}

fn generate(args: &GenerateArgs, console: &Console) -> Result<(), Failure> {
    let pair = Pair::at(&args.file, args.protect.force)?;
    let source = Source::read(args.protect.no_password);
    let password = Password::new(source.choose("the new key")?);
    let key = ArtifactKey::generate().map_err(|error| Failure::unknown(error.code(), error))?;
    audit::traced(
        &args.protect.home(),
        pair.change("key.generate", &key),
        |_| pair.write(&key, &mut Unlock::new(), &password),
    )?;
    pair.report("generate", &key, &password, console);
    Ok(())
}

/// An encrypted key keeps its password, one in the clear gets one.
fn import(args: &ImportArgs, console: &Console) -> Result<(), Failure> {
    let pair = Pair::at(&args.out, args.protect.force)?;
    let source = Source::read(args.protect.no_password);
    let file = KeyFile::read(&args.from)?;
    let Protection::Password = file.protection()? else {
        let key = Keyring::new(Source::Empty).artifact_key(&args.from)?;
        let password = Password::new(source.choose("the imported key")?);
        audit::traced(
            &args.protect.home(),
            pair.change("key.import", &key),
            |_| pair.write(&key, &mut Unlock::new(), &password),
        )?;
        pair.report("import", &key, &password, console);
        return Ok(());
    };
    let mut keyring = Keyring::new(source);
    let key = keyring.artifact_key(&args.from)?;
    let (unlock, password) = keyring.unlock_and_password();
    audit::traced(
        &args.protect.home(),
        pair.change("key.import", &key),
        |_| pair.write(&key, unlock, password),
    )?;
    pair.report("import", &key, password, console);
    Ok(())
}

fn public(args: &PublicArgs, console: &Console) -> Result<(), Failure> {
    let shown = Shown::of(args.file.as_deref(), &args.home)?;
    let Some(out) = &args.out else {
        if console.is_json() {
            console.json(&shown.report("public"));
            return Ok(());
        }
        return console.bytes(shown.public.to_pem().as_bytes());
    };
    files::write(
        out,
        shown.public.to_pem().as_bytes(),
        PUBLIC_MODE,
        overwrite(args.force),
    )?;
    if console.is_json() {
        console.json(&shown.report("public"));
    } else {
        console.say(format!(
            "public     {}, {}",
            out.display(),
            pin(&shown.public)
        ));
    }
    Ok(())
}

fn show(args: &ShowArgs, console: &Console) -> Result<(), Failure> {
    let shown = Shown::of(args.file.as_deref(), &args.home)?;
    if console.is_json() {
        console.json(&shown.report("show"));
        return Ok(());
    }
    console.say(format!("key        {}", shown.path.display()));
    console.say(format!("kind       {}", shown.public.kind()));
    console.say(format!("protection {}", shown.protection.words()));
    console.say(format!("pin        {}", pin(&shown.public)));
    console.say(format!("hint       {}", shown.public.hint()));
    Ok(())
}

/// The two files of a key that is written: `x.key` and `x.pub`.
struct Pair {
    private: PathBuf,
    public: PathBuf,
    overwrite: Overwrite,
}

impl Pair {
    /// Refuses files that are there before a password is asked for.
    fn at(private: &Path, force: bool) -> Result<Self, Failure> {
        let public = public_half(private)?;
        let pair = Self {
            private: private.to_owned(),
            public,
            overwrite: overwrite(force),
        };
        if pair.overwrite == Overwrite::Refuse {
            for path in [&pair.private, &pair.public] {
                if path.symlink_metadata().is_ok() {
                    return Err(files::exists_failure(path));
                }
            }
        }
        Ok(pair)
    }

    fn write(
        &self,
        key: &ArtifactKey,
        unlock: &mut Unlock,
        password: &Password,
    ) -> Result<(), Failure> {
        let salt = random_salt().map_err(|error| Failure::unknown(error.code(), error))?;
        let file = key
            .to_pem(salt, unlock, password)
            .map_err(|error| Failure::unknown(error.code(), error))?;
        // The public half first: without the private one it is worth nothing, the other way round
        // a key would be there that nobody was told about.
        files::write(
            &self.public,
            key.public_pem().as_bytes(),
            PUBLIC_MODE,
            self.overwrite,
        )?;
        let written = files::write(&self.private, file.as_bytes(), PRIVATE_MODE, self.overwrite);
        if written.is_err() && self.overwrite == Overwrite::Refuse {
            let _ = std::fs::remove_file(&self.public);
        }
        written
    }

    /// The event of writing this key.
    fn change(&self, event: &'static str, key: &ArtifactKey) -> Change {
        let pin = format!("sha256:{}", hex::encode(key.fingerprint()));
        Change::new(event).path(&self.private).digest(pin)
    }

    fn report(&self, command: &str, key: &ArtifactKey, password: &Password, console: &Console) {
        let pin = format!("sha256:{}", hex::encode(key.fingerprint()));
        let protection = Kept::of(password);
        if console.is_json() {
            console.json(&json!({
                "version": 1,
                "command": format!("key {command}"),
                "answer": Exit::Yes.word(),
                "exit": Exit::Yes.number(),
                "key": {
                    "private": self.private.display().to_string(),
                    "public": self.public.display().to_string(),
                    "kind": KIND,
                    "protection": protection.code(),
                    "pin": pin,
                },
            }));
            return;
        }
        console.say(format!(
            "key        {} ({})",
            self.private.display(),
            protection.words()
        ));
        console.say(format!("public     {}, {pin}", self.public.display()));
    }
}

/// `release.pub` for `release.key`, as cosign names them; `x.pub` for any other `x`.
fn public_half(private: &Path) -> Result<PathBuf, Failure> {
    let extension = private.extension().unwrap_or_default();
    if private.file_name().is_none() || extension == "pub" {
        return Err(Failure::request(
            "bad-arguments",
            format!("{} is no name for a private key", private.display()),
        )
        .hint("name a file such as release.key"));
    }
    if extension == "key" || extension == "pem" {
        return Ok(private.with_extension("pub"));
    }
    let mut name = private.as_os_str().to_owned();
    name.push(".pub");
    Ok(name.into())
}

/// A key that is looked at.
struct Shown {
    path: PathBuf,
    public: PublicKey,
    protection: Kept,
}

impl Shown {
    fn of(file: Option<&Path>, home: &HomeArgs) -> Result<Self, Failure> {
        match file {
            Some(uri) if token::is_uri(uri) => Self::of_token(uri),
            Some(path) => Self::of_file(path, home.password()),
            None => Self::of_home(home),
        }
    }

    /// The home's public half needs no password; whether the private one has one is not asked.
    fn of_home(args: &HomeArgs) -> Result<Self, Failure> {
        let home = args.home();
        Card::read(&home)?;
        let file = KeyFile::read(&home.public_key())?;
        Ok(Self {
            path: home.public_key(),
            public: file.public()?,
            protection: Kept::PublicHalf,
        })
    }

    fn of_token(uri: &Path) -> Result<Self, Failure> {
        let key = token::artifact_key(uri)?;
        // Without the query, in which a PIN may stand.
        let shown = uri.to_str().unwrap_or_default();
        Ok(Self {
            path: shown.split('?').next().unwrap_or(shown).into(),
            public: key.public().clone(),
            protection: Kept::Token,
        })
    }

    fn of_file(path: &Path, source: Source) -> Result<Self, Failure> {
        let file = KeyFile::read(path)?;
        if let Ok(public) = PublicKey::parse(&file.bytes) {
            return Ok(Self {
                path: path.to_owned(),
                public,
                protection: Kept::PublicHalf,
            });
        }
        let is_sealed = file.protection()? == Protection::Password;
        let mut keyring = Keyring::new(source);
        let key = keyring.artifact_key(path)?;
        let protection = match (is_sealed, keyring.is_protected()) {
            (false, _) => Kept::Clear,
            (true, false) => Kept::EmptyPassword,
            (true, true) => Kept::Password,
        };
        let public = PublicKey::parse(key.public_pem().as_bytes())
            .map_err(|error| Failure::unknown(error.code(), error))?;
        Ok(Self {
            path: path.to_owned(),
            public,
            protection,
        })
    }

    fn report(&self, command: &str) -> Value {
        json!({
            "version": 1,
            "command": format!("key {command}"),
            "answer": Exit::Yes.word(),
            "exit": Exit::Yes.number(),
            "key": {
                "path": self.path.display().to_string(),
                "kind": self.public.kind().to_string(),
                "protection": self.protection.code(),
                "pin": pin(&self.public),
                "hint": self.public.hint(),
                "pem": self.public.to_pem(),
            },
        })
    }
}

/// How a key is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    PublicHalf,
    Clear,
    EmptyPassword,
    Password,
    Token,
}

impl Kept {
    fn of(password: &Password) -> Self {
        if password.is_empty() {
            Self::EmptyPassword
        } else {
            Self::Password
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Self::PublicHalf => "public",
            Self::Clear => "none",
            Self::EmptyPassword => "empty-password",
            Self::Password => "password",
            Self::Token => "token",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::PublicHalf => "none needed: the public half",
            Self::Clear => "none: the file is not encrypted",
            Self::EmptyPassword => "not password-protected",
            Self::Password => "password-protected",
            Self::Token => "stays in its token",
        }
    }
}

/// The bytes of a key file and where they came from.
struct KeyFile {
    path: PathBuf,
    bytes: zeroize::Zeroizing<Vec<u8>>,
}

impl KeyFile {
    fn read(path: &Path) -> Result<Self, Failure> {
        let bytes = files::read_limited(path, KEY_BYTES).map_err(|error| {
            Failure::request("key-unreadable", format!("{}: {error}", path.display()))
        })?;
        Ok(Self {
            path: path.to_owned(),
            bytes: zeroize::Zeroizing::new(bytes),
        })
    }

    fn protection(&self) -> Result<Protection, Failure> {
        attest_sign::protection(&self.bytes).map_err(|error| {
            Failure::request(error.code(), format!("{}: {error}", self.path.display()))
        })
    }

    fn public(&self) -> Result<PublicKey, Failure> {
        PublicKey::parse(&self.bytes).map_err(|error| {
            Failure::request(error.code(), format!("{}: {error}", self.path.display()))
        })
    }
}

fn pin(key: &PublicKey) -> String {
    format!("sha256:{}", hex::encode(key.fingerprint()))
}

const fn overwrite(force: bool) -> Overwrite {
    if force {
        Overwrite::Force
    } else {
        Overwrite::Refuse
    }
}

/// What we make and import, in the words of [`PublicKey::kind`].
const KIND: &str = "ECDSA P-256";
const PRIVATE_MODE: u32 = 0o600;
const PUBLIC_MODE: u32 = 0o644;
/// A key file has a few hundred bytes.
const KEY_BYTES: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_half_is_named_as_cosign_names_it() {
        for (private, public) in [
            ("release.key", "release.pub"),
            ("keys/release.pem", "keys/release.pub"),
            ("release", "release.pub"),
            ("release-1.2", "release-1.2.pub"),
        ] {
            assert_eq!(public_half(Path::new(private)).unwrap(), Path::new(public));
        }
        for private in ["release.pub", "", "..", "/"] {
            assert_eq!(
                public_half(Path::new(private)).unwrap_err().code,
                "bad-arguments"
            );
        }
    }

    #[test]
    fn what_we_make_is_named_as_verifiers_name_it() {
        let key = ArtifactKey::generate().unwrap();
        let public = PublicKey::parse(key.public_pem().as_bytes()).unwrap();
        assert_eq!(public.kind().to_string(), KIND);
    }
}
