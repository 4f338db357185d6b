//! Who signs a record, and where it is written.

use std::fs;
use std::path::{Path, PathBuf};

use attest_digest::{Artifact, Hashes};
use attest_provenance::in_toto::{
    Form, Key, KeyFlavour, KeyId, Link, Metablock, StepName, link_file_name,
};
use attest_sign::{ArtifactKey, Signer, Unsigned};
use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::step::refuse_existing;
use crate::args::HomeArgs;
use crate::command::sign::verifier;
use crate::failure::{Failure, with_source};
use crate::files::{self, Overwrite};
use crate::identity::{Identity, Keyring};

#[derive(Debug, Args)]
pub(super) struct ScribeArgs {
    /// Where the record is written [default: the current folder]
    #[arg(short = 'd', long = "metadata-directory", value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Write the link as a DSSE envelope
    #[arg(long, alias = "use-dsse", conflicts_with = "metablock")]
    dsse: bool,
    /// Write the link in in-toto's classic form, as is done anyway
    #[arg(long)]
    metablock: bool,
    /// Sign with this key instead of the home's (cosign's PEM, PKCS#8 or SEC 1; P-256)
    #[arg(long, value_name = "FILE")]
    signing_key: Option<PathBuf>,
    /// Whose key ids the link and its name bear
    #[arg(long, value_name = "WHOSE", value_enum, default_value = "reference")]
    keyid: Flavour,
    /// Replace records that exist
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    home: HomeArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Flavour {
    /// Those of in-toto's reference implementation
    #[value(alias = "in-toto")]
    Reference,
    /// Those of in-toto-golang
    Golang,
}

/// Signs and writes the records of one step.
#[derive(Debug)]
pub(super) struct Scribe {
    /// Absent when the home's own key signs.
    own_key: Option<ArtifactKey>,
    /// Absent when nothing is logged.
    identity: Option<Identity>,
    keyid: KeyId,
    form: Form,
    directory: PathBuf,
    step: StepName,
    overwrite: Overwrite,
}

/// Whether a bundle is made besides the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bundles {
    Made,
    None,
}

impl Scribe {
    /// Opens the keys, asking for a password before anything runs. Without bundles, a key that was
    /// named needs no home.
    pub(super) fn open(
        args: &ScribeArgs,
        step: &StepName,
        bundles: Bundles,
    ) -> Result<Self, Failure> {
        let own_key = match &args.signing_key {
            Some(path) => Some(Keyring::new(args.home.password()).artifact_key(path)?),
            None => None,
        };
        let identity = if own_key.is_some() && bundles == Bundles::None {
            None
        } else {
            Some(Identity::open(&args.home.home(), args.home.password())?)
        };
        let directory = args.directory.clone().unwrap_or_else(|| PathBuf::from("."));
        if !directory.is_dir() {
            return Err(Failure::request(
                "folder-unreadable",
                format!(
                    "--metadata-directory {} is not a folder",
                    directory.display()
                ),
            ));
        }
        let key = own_key
            .as_ref()
            .or(identity.as_ref().map(|it| &it.artifact_key))
            .ok_or_else(|| Failure::unknown("internal-error", "nobody signs"))?;
        if !key.is_p256() {
            return Err(Failure::request(
                "key-unsupported",
                format!(
                    "a link is signed by a P-256 key, {} is another",
                    key.public()
                ),
            ));
        }
        let flavour = match args.keyid {
            Flavour::Reference => KeyFlavour::Reference,
            Flavour::Golang => KeyFlavour::Golang,
        };
        Ok(Self {
            keyid: Key::new("ecdsa", "ecdsa-sha2-nistp256", &key.public_pem()).keyid(flavour),
            own_key,
            identity,
            form: if args.dsse { Form::Dsse } else { Form::Classic },
            directory,
            step: step.clone(),
            overwrite: if args.force {
                Overwrite::Force
            } else {
                Overwrite::Refuse
            },
        })
    }

    /// What a record must not hold: the home, with its keys and its log, and what is written here.
    pub(super) fn ours(args: &ScribeArgs, step: &StepName) -> Vec<PathBuf> {
        let directory = args.directory.clone().unwrap_or_else(|| PathBuf::from("."));
        vec![
            args.home.home().path().to_owned(),
            directory.join(bundle_name(step, 1, 1)),
        ]
    }

    pub(super) const fn overwrite(&self) -> Overwrite {
        self.overwrite
    }

    pub(super) const fn keyid(&self) -> &KeyId {
        &self.keyid
    }

    pub(super) fn link_path(&self) -> PathBuf {
        self.directory.join(link_file_name(&self.step, &self.keyid))
    }

    /// `.build.776a00e2.link-unfinished`.
    pub(super) fn unfinished_path(&self) -> PathBuf {
        let name = link_file_name(&self.step, &self.keyid);
        self.directory.join(format!(".{name}-unfinished"))
    }

    /// Refuses what is in the way, before anything runs.
    pub(super) fn refuse_existing(&self) -> Result<(), Failure> {
        let bundle = self.directory.join(bundle_name(&self.step, 1, 1));
        refuse_existing([self.link_path().as_path(), &bundle], self.overwrite)
    }

    /// Whether the log will take an entry, as far as can be told now: another run may hold it.
    pub(super) fn check_log(&self) -> Result<(), Failure> {
        match self.identity.as_ref().map(Identity::open_log) {
            Some(Err(failure)) if failure.code != "log-locked" => Err(failure),
            _ => Ok(()),
        }
    }

    /// The link, signed, and read again as anybody will.
    pub(super) fn sign(&self, link: &Link) -> Result<Vec<u8>, Failure> {
        let refused =
            |error: &dyn std::error::Error, code| Failure::unknown(code, with_source(error));
        let mut block = Metablock::unsigned(self.form, link.to_json())
            .map_err(|error| refused(&error, error.code()))?;
        let signature = self
            .key()?
            .sign(block.bytes_to_sign())
            .map_err(|error| refused(&error, error.code()))?;
        block.add_signature(&self.keyid, signature);
        let bytes = block.to_bytes();
        Metablock::parse(&bytes)
            .and_then(|it| Link::from_json(it.into_unverified_signed()))
            .map_err(|error| refused(&error, error.code()))?;
        Ok(bytes)
    }

    /// Signs the statements as bundles and writes them, then the link: who sees a link sees all.
    pub(super) fn write(
        &self,
        link: &[u8],
        statements: &[Vec<u8>],
        now: Timestamp,
    ) -> Result<Vec<PathBuf>, Failure> {
        let bundles = self.bundles(statements, now)?;
        let parts = bundles.len();
        let mut written: Vec<PathBuf> = Vec::new();
        let outputs = bundles
            .iter()
            .enumerate()
            .map(|(at, bytes)| (bundle_name(&self.step, at + 1, parts), bytes.as_slice()))
            .map(|(name, bytes)| (self.directory.join(name), bytes))
            .chain([(self.link_path(), link)]);
        for (path, bytes) in outputs {
            if let Err(failure) = files::write(&path, bytes, MODE, self.overwrite) {
                for path in &written {
                    // What went wrong first is said.
                    let _ = fs::remove_file(path);
                }
                return Err(failure);
            }
            written.push(path);
        }
        Ok(written)
    }

    pub(super) fn write_unfinished(&self, link: &[u8]) -> Result<PathBuf, Failure> {
        let path = self.unfinished_path();
        files::write(&path, link, MODE, self.overwrite)?;
        Ok(path)
    }

    pub(super) fn key(&self) -> Result<&ArtifactKey, Failure> {
        self.own_key
            .as_ref()
            .or(self.identity.as_ref().map(|it| &it.artifact_key))
            .ok_or_else(|| Failure::unknown("internal-error", "nobody signs"))
    }

    fn bundles(&self, statements: &[Vec<u8>], now: Timestamp) -> Result<Vec<Vec<u8>>, Failure> {
        let Some(identity) = self.identity.as_ref().filter(|_| !statements.is_empty()) else {
            return Ok(Vec::new());
        };
        let mut log = identity.open_log()?;
        let verifier = verifier(identity.home(), now)?;
        let authority = identity.authority.at(now);
        let unsigned: Vec<Unsigned<'_>> = statements
            .iter()
            .map(|it| Unsigned::Statement(it))
            .collect();
        let signed = Signer::new(self.key()?, &authority, &mut log, &verifier)
            .sign(&unsigned)
            .map_err(|error| Failure::unknown(error.code(), with_source(&error)))?;
        Ok(signed.iter().map(|it| it.bundle().to_vec()).collect())
    }
}

/// `build.776a00e2.link` and the digests of its bytes.
pub(super) fn named(path: &Path, bytes: &[u8]) -> (String, Artifact) {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    (name, Artifact::of_bytes(bytes, Hashes::Sha256))
}

/// Found by `attest verify` beside what was made, and above it.
fn bundle_name(step: &StepName, part: usize, parts: usize) -> String {
    if parts <= 1 {
        format!("provenance.{step}.sigstore.json")
    } else {
        format!("provenance.{step}.{part}.sigstore.json")
    }
}

const MODE: u32 = 0o644;
