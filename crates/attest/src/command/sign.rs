//! `attest sign`: a bundle beside each file, all of one run in one batch of the log.

mod image;
mod request;
mod with_services;

use std::fs;
use std::path::{Path, PathBuf};

use attest_digest::{Algorithm, Artifact, hash_all};
use attest_sign::{ArtifactKey, SignError, Signed, Signer, Unsigned};
use attest_verify::{Accept, TrustedRoot, Verifier};
use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::args::{Global, HomeArgs, RegistryArgs, ServiceArgs};
use crate::command::init::refuse_given_time;
use crate::console::Console;
use crate::failure::{Exit, Failure, with_source};
use crate::files::{self, Overwrite};
use crate::home::Home;
use crate::identity::{Identity, Keyring, token};

use request::{Planned, Request};

#[expect(clippy::doc_markdown, reason = "these comments are the help text")]
#[derive(Debug, Args)]
pub(crate) struct SignArgs {
    /// What to sign; the bundle of FILE is FILE.sigstore.json, that of oci://HOST/REPOSITORY:TAG is attached
    /// to it there, as cosign 3 does
    #[arg(value_name = "FILE|IMAGE", required_unless_present = "statement")]
    files: Vec<PathBuf>,
    /// Sign with this key instead of the home's: a file (cosign's PEM, PKCS#8 or SEC 1; P-256), or a key in
    /// a token by its URI, pkcs11:token=…;object=…?module-path=/FILE.so&pin-source=file:/FILE
    #[arg(long, value_name = "FILE|URI")]
    key: Option<PathBuf>,
    /// Sign this in-toto statement as it is; every FILE must be one of its subjects
    #[arg(long, value_name = "FILE", conflicts_with = "predicate")]
    statement: Option<PathBuf>,
    /// Sign a statement with this predicate (a JSON object) about each FILE
    #[arg(long, value_name = "FILE", requires = "predicate_type")]
    predicate: Option<PathBuf>,
    /// The type of the predicate: a URI, or a name such as test-result or slsaprovenance1
    #[arg(
        long = "type",
        value_name = "TYPE",
        id = "predicate_type",
        requires = "predicate"
    )]
    predicate_type: Option<String>,
    /// Write the bundle here, when there is only one
    #[arg(long, short, value_name = "FILE", alias = "bundle")]
    out: Option<PathBuf>,
    /// Replace bundles that exist
    #[arg(long)]
    force: bool,
    /// Of an oci:// image for several platforms: sign the manifest of each one as well
    #[arg(long, help_heading = "Registries")]
    recursive: bool,
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    services: ServiceArgs,
    #[command(flatten)]
    home: HomeArgs,
}

pub(crate) fn run(args: &SignArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    refuse_given_time(global)?;
    if image::are_meant(args)? {
        return image::run(args, global, console);
    }
    if args.services.is_asked() {
        return with_services::run(args, global, console);
    }
    args.services.refuse_alone()?;
    let request = Request::resolve(args)?;
    if let Some(note) = token::caution(args.key.as_deref()) {
        console.note(note);
    }
    let identity = Identity::open(&args.home.home(), args.home.password())?;
    let key = match &args.key {
        Some(path) => Some(Keyring::new(args.home.password()).artifact_key(path)?),
        None => None,
    };
    let mut log = identity.open_log()?;

    let key = key.as_ref().unwrap_or(&identity.artifact_key);
    let artifacts = read_all(&request, key.digest_algorithm())?;
    let planned = request.plan(&artifacts)?;
    refuse_second_release(&planned, identity.home())?;
    // Read after the files, so that no signature is older than its time says.
    let now = global.now()?.time;
    let verifier = verifier(identity.home(), now)?;
    let authority = identity.authority.at(now);
    let unsigned: Vec<Unsigned<'_>> = planned.iter().map(Planned::unsigned).collect();
    let bundles = Signer::new(key, &authority, &mut log, &verifier)
        .sign(&unsigned)
        .map_err(|error| sign_failure(&error, &planned))?;

    write_all(&request, &planned, &bundles)?;
    let answer = Answer {
        identity: &identity,
        key,
        now,
        planned: &planned,
        bundles: &bundles,
    };
    if console.is_json() {
        console.json(&answer.report());
    } else {
        answer.say(console);
    }
    Ok(Exit::Yes)
}

/// A name and version means one content, whoever asks for a signature.
fn refuse_second_release(planned: &[Planned], home: &Home) -> Result<(), Failure> {
    let mut planned = planned.iter();
    planned.try_for_each(|it| it.refuse_second_release(home))
}

/// Signs a statement with the home's key and writes its bundle.
///
/// # Errors
/// The home cannot be opened, the log refuses, or the bundle cannot be written.
pub(crate) fn sign_payload(
    home: &HomeArgs,
    global: &Global,
    payload: &[u8],
    output: &Path,
    overwrite: Overwrite,
) -> Result<(), Failure> {
    let bundle = sign_to_bytes(home, global, payload)?;
    files::write(output, &bundle, BUNDLE_MODE, overwrite)
}

/// Signs a statement with the home's key: the bytes of its bundle.
///
/// # Errors
/// The home cannot be opened, the log refuses.
pub(crate) fn sign_to_bytes(
    home: &HomeArgs,
    global: &Global,
    payload: &[u8],
) -> Result<Vec<u8>, Failure> {
    refuse_given_time(global)?;
    let identity = Identity::open(&home.home(), home.password())?;
    let mut log = identity.open_log()?;
    let now = global.now()?.time;
    let verifier = verifier(identity.home(), now)?;
    let authority = identity.authority.at(now);
    let signed = Signer::new(&identity.artifact_key, &authority, &mut log, &verifier)
        .sign(&[Unsigned::Statement(payload)])
        .map_err(|error| Failure::unknown(error.code(), with_source(&error)))?;
    let signed = signed.into_iter().next();
    let bundle = signed.map(|one| one.bundle().to_vec());
    bundle.ok_or_else(|| Failure::unknown("internal-error", "nothing was signed"))
}

/// The home's own trust, by which every bundle is verified before it is written.
pub(crate) fn verifier(home: &Home, now: Timestamp) -> Result<Verifier, Failure> {
    let path = home.trusted_root();
    let unreadable = |problem: String| {
        Failure::request(
            "identity-unreadable",
            format!("{}: {problem}", path.display()),
        )
    };
    let bytes =
        files::read_limited(&path, ROOT_BYTES).map_err(|error| unreadable(error.to_string()))?;
    let root = TrustedRoot::parse(&bytes).map_err(|error| unreadable(with_source(&error)))?;
    Verifier::new(vec![root], now, Accept::default())
        .map_err(|error| unreadable(with_source(&error)))
}

/// What the signer refused: the request when nothing was logged, else something that went wrong.
fn sign_failure(error: &SignError, planned: &[Planned]) -> Failure {
    let place = |position: usize| {
        planned
            .get(position)
            .map(|one| format!("{}: ", one.shown()))
            .unwrap_or_default()
    };
    let message = with_source(error);
    match error {
        SignError::PaeAsMessage { position, .. } | SignError::Statement { position, .. } => {
            Failure::request(error.code(), format!("{}{message}", place(*position)))
        }
        _ => Failure::unknown(error.code(), message),
    }
}

fn read_all(request: &Request, algorithm: Algorithm) -> Result<Vec<Artifact>, Failure> {
    let hashes = request.hashes().with(algorithm);
    let read = hash_all(0, request.files(), |path| Artifact::read_path(path, hashes));
    read.into_iter()
        .map(|artifact| {
            artifact.map_err(|error| Failure::unknown(error.code(), with_source(&error)))
        })
        .collect()
}

/// Writes every bundle; when one cannot be written, those of this run that replaced nothing go.
fn write_all(request: &Request, planned: &[Planned], bundles: &[Signed]) -> Result<(), Failure> {
    let mut written: Vec<PathBuf> = Vec::new();
    for (one, bundle) in planned.iter().zip(bundles) {
        for output in one.outputs() {
            let is_new = output.symlink_metadata().is_err();
            let result = files::write(output, bundle.bundle(), BUNDLE_MODE, request.overwrite());
            if let Err(failure) = result {
                for path in &written {
                    let _ = fs::remove_file(path);
                }
                return Err(failure);
            }
            if is_new {
                written.push(output.clone());
            }
        }
    }
    Ok(())
}

struct Answer<'a> {
    identity: &'a Identity,
    key: &'a ArtifactKey,
    now: Timestamp,
    planned: &'a [Planned],
    bundles: &'a [Signed],
}

impl Answer<'_> {
    fn say(&self, console: &Console) {
        console.say(format!(
            "key        sha256:{}",
            hex::encode(self.key.fingerprint())
        ));
        for (one, bundle) in self.planned.iter().zip(self.bundles) {
            for output in one.outputs() {
                console.say(format!(
                    "signed     {}, entry {}",
                    output.display(),
                    bundle.log_index()
                ));
            }
        }
        console.say(format!(
            "logged     {}, kept by you: nobody else has seen it",
            self.identity.origin()
        ));
        console.say(format!("time       {}, asserted by you", self.now));
    }

    fn report(&self) -> Value {
        let bundles: Vec<Value> = self
            .planned
            .iter()
            .zip(self.bundles)
            .flat_map(|(one, bundle)| one.reports(bundle.log_index()))
            .collect();
        json!({
            "version": 1,
            "command": "sign",
            "answer": Exit::Yes.word(),
            "exit": Exit::Yes.number(),
            "key": format!("sha256:{}", hex::encode(self.key.fingerprint())),
            "log": { "origin": self.identity.origin(), "kept_by": "signer" },
            "time": { "time": self.now.to_string(), "asserted_by": "signer" },
            "bundles": bundles,
        })
    }
}

const BUNDLE_MODE: u32 = 0o644;
/// A trusted root has a few thousand bytes.
const ROOT_BYTES: u64 = 4 << 20;
