//! What a run asks of a layout, from its flags: everything that is wrong here is exit 2.

use std::path::{Path, PathBuf};

use attest_digest::{Artifact, Digest, Hashes};
use attest_provenance::in_toto::{Metablock, Parameters};
use attest_verify::layout::{ChainOptions, LayoutKey, SignedLayout};
use jiff::Timestamp;

use crate::args::ChainArgs;
use crate::failure::Failure;
use crate::files;
use crate::home::lies_inside;

/// A layout whose owner is proven, and how its chain is to be judged.
pub(crate) struct Request {
    pub(crate) layout: SignedLayout,
    /// Where it was read, and the SHA-256 of its file; whether that was given.
    pub(crate) file: (PathBuf, Digest, bool),
    pub(crate) options: ChainOptions,
    pub(crate) links: PathBuf,
    /// Where each key came from: path, pin, whether the pin was given.
    pub(crate) keys: Vec<(String, [u8; 32], bool)>,
}

impl Request {
    /// Reads the layout, `FILE` or `FILE@sha256:HEX`, and its keys. `verified` are folders that are being verified
    /// themselves.
    ///
    /// # Errors
    /// A file that cannot be read, is no layout or key or not the one that is pinned, or lies where whoever made
    /// the files could change it; a layout that a key has not signed or that has expired; inspections without leave.
    pub(crate) fn resolve(
        file: &Path,
        args: &ChainArgs,
        verified: &[PathBuf],
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let mut keys = Vec::new();
        let mut places = Vec::new();
        for text in &args.layout_key {
            let (key, place, pinned) = key(text, verified)?;
            places.push((place, key.fingerprint(), pinned));
            keys.push(key);
        }
        if keys.is_empty() {
            return Err(Failure::request(
                "layout-unsigned",
                "no key is given that must have signed the layout",
            )
            .hint("name the key of the layout's owner with --layout-key"));
        }
        let links = args.links.clone().ok_or_else(|| {
            Failure::request("bad-arguments", "no folder of links is given")
                .hint("name it with --links")
        })?;
        let (block, file) = layout_of(file)?;
        let path = &file.0;
        let parameters = parameters(&args.parameter)?;
        let layout = SignedLayout::verify(&block, &keys, &parameters, now);
        let layout = layout.map_err(|rejection| {
            let checks = rejection.checks().first();
            let why = checks.map(|it| format!("found {}, wanted {}", it.found(), it.wanted()));
            let message = format!("{}: {}", path.display(), why.unwrap_or_default());
            Failure::request(rejection.code(), message)
        })?;
        if let Some(inspection) = layout.layout().inspections.first()
            && !args.run_inspections
        {
            let message = format!(
                "the layout asks to run {:?} as inspection {}",
                inspection.run, inspection.name
            );
            return Err(Failure::request("inspection-not-run", message)
                .hint("with --run-inspections its commands run here with your rights; read them first (attest provenance layout show)"));
        }
        Ok(Self {
            layout,
            file,
            options: ChainOptions {
                allow_failed_steps: args.allow_failed_step,
                strict_commands: args.strict_command,
            },
            links,
            keys: places,
        })
    }
}

/// The layout of a file, which has the digest that is pinned: an older one that is still good has another.
fn layout_of(file: &Path) -> Result<(Metablock, (PathBuf, Digest, bool)), Failure> {
    let pinned = file.to_str().and_then(|it| it.rsplit_once("@sha256:"));
    let path = pinned.map_or(file, |(path, _)| Path::new(path));
    let bytes = super::bytes(path)?;
    let found = Artifact::of_bytes(&bytes, Hashes::Sha256).sha256();
    if pinned.is_some_and(|(_, pin)| pin != found.hex()) {
        let message = format!("{} has {found}, and another pin is given", path.display());
        return Err(Failure::request("pin-not-found", message));
    }
    let block = Metablock::parse(&bytes).map_err(|error| super::refused(path, &error))?;
    Ok((block, (path.to_owned(), found, pinned.is_some())))
}

/// `FILE`, or `FILE@sha256:HEX`.
fn key(text: &str, verified: &[PathBuf]) -> Result<(LayoutKey, String, bool), Failure> {
    let (place, pin) = match text.rsplit_once("@sha256:") {
        Some((place, pin)) => (place, Some(pin)),
        None => (text, None),
    };
    let path = Path::new(place);
    if pin.is_none() && verified.iter().any(|folder| lies_inside(path, folder)) {
        let message = format!("the layout key {place} lies inside a folder that is being verified");
        return Err(Failure::request("trust-beside-subject", message)
            .hint("pin it (FILE@sha256:HEX) with a value from elsewhere"));
    }
    let bytes = files::read_limited(path, KEY_BYTES)
        .map_err(|error| Failure::request("key-unreadable", format!("{place}: {error}")))?;
    let key = LayoutKey::parse(&bytes)
        .map_err(|error| Failure::request(error.code(), format!("{place}: {error}")))?;
    let found = hex::encode(key.fingerprint());
    if pin.is_some_and(|pin| pin != found) {
        let message = format!("{place} has sha256:{found}, and another pin is given");
        return Err(Failure::request("pin-not-found", message));
    }
    Ok((key, place.to_owned(), pin.is_some()))
}

fn parameters(texts: &[String]) -> Result<Parameters, Failure> {
    let mut parameters = Parameters::new();
    for text in texts {
        let (name, value) = text.split_once('=').ok_or_else(|| {
            Failure::request("bad-arguments", format!("--parameter {text:?} has no ="))
                .hint("write it as NAME=VALUE")
        })?;
        parameters
            .insert(name, value)
            .map_err(|error| Failure::request(error.code(), format!("--parameter: {error}")))?;
    }
    Ok(parameters)
}

/// A public key file is a few hundred bytes.
const KEY_BYTES: u64 = 64 * 1024;
