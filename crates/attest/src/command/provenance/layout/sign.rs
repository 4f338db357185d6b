//! `attest provenance layout sign`: a signature by a key of attest's.

use std::path::PathBuf;

use attest_provenance::in_toto::{Form, KeyFlavour, KeyId, Layout, Link, Metablock, Parameters};
use attest_verify::PublicKey;
use attest_verify::layout::LayoutKey;
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::args::HomeArgs;
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure};
use crate::files::{self, Overwrite};
use crate::identity::Keyring;

#[derive(Debug, Args)]
pub(super) struct SignArgs {
    /// The layout or link; signatures by other keys stay
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Sign with this key instead of the home's (cosign's PEM, PKCS#8 or SEC 1; P-256)
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Write a DSSE envelope: what is in the classic form then loses its signatures
    #[arg(long)]
    dsse: bool,
    /// Whose way to write the key's id
    #[arg(long, value_enum, default_value = "reference")]
    keyid: Flavour,
    /// Write it here, and leave FILE as it is
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace a file that exists
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    home: HomeArgs,
}

/// The two ways to give keys their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Flavour {
    /// in-toto 3 (Python)
    Reference,
    /// in-toto-golang
    Golang,
}

impl Flavour {
    pub(super) const fn of_library(self) -> KeyFlavour {
        match self {
            Self::Reference => KeyFlavour::Reference,
            Self::Golang => KeyFlavour::Golang,
        }
    }
}

pub(super) fn run(args: &SignArgs, console: &Console) -> Result<Exit, Failure> {
    let path = args.file.as_path();
    let mut block = super::read(path)?;
    let layout = readable(&args.file, &block)?;
    let mut keyring = Keyring::new(args.home.password());
    let home = args.home.home();
    let key_path = if let Some(path) = &args.key {
        path.clone()
    } else {
        home.require()?;
        home.artifact_key()
    };
    let key = keyring.artifact_key(&key_path)?;
    let public =
        PublicKey::from_spki(key.spki()).map_err(|error| Failure::request(error.code(), error))?;
    let claimed = LayoutKey::from_public(public).to_claimed();
    if args.dsse && block.form() == Form::Classic {
        block = Metablock::unsigned(Form::Dsse, block.into_unverified_signed())
            .map_err(|error| super::refused(path, &error))?;
    }
    let keyid = claimed.keyid(args.keyid.of_library());
    let sig = key
        .sign(block.bytes_to_sign())
        .map_err(|error| Failure::unknown(error.code(), error))?;
    block.add_signature(&keyid, sig);
    let target = args.out.as_deref().unwrap_or(path);
    let in_place = args.out.is_none();
    let overwrite = if in_place || args.force {
        Overwrite::Force
    } else {
        Overwrite::Refuse
    };
    files::write(target, &block.to_bytes(), 0o644, overwrite)?;
    say(
        &target.display().to_string(),
        &keyid,
        &key.fingerprint(),
        layout,
        console,
    );
    Ok(Exit::Yes)
}

/// Nothing is signed that its reader would refuse.
fn readable(path: &std::path::Path, block: &Metablock) -> Result<&'static str, Failure> {
    let refused = |error| super::refused(path, &error);
    let signed = block.unverified_signed().clone();
    if block.unverified_type() == "link" {
        Link::from_json(signed).map_err(refused)?;
        return Ok("link");
    }
    let layout = Layout::from_json(signed).map_err(refused)?;
    // A layout with parameters is whole only when they are known.
    match layout.with_parameters(&Parameters::new()) {
        Err(error) if error.code() != "layout-parameter-missing" => Err(refused(error)),
        _ => Ok("layout"),
    }
}

fn say(place: &str, keyid: &KeyId, pin: &[u8; 32], what: &str, console: &Console) {
    let pin = format!("sha256:{}", hex::encode(pin));
    if console.is_json() {
        console.json(&json!({
            "version": 1, "command": "provenance layout sign", "answer": Exit::Yes.word(), "exit": 0,
            "file": place, "what": what, "keyid": keyid.as_str(), "key": pin,
        }));
        return;
    }
    console.say(format!("signed     {} ({what})", escape(place)));
    console.say(format!("key        {pin}, called {keyid} there"));
}
