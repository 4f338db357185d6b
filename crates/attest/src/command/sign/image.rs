//! Images in registries: the bundle is attached to what was signed, as cosign 3 attaches it.

mod answer;

use std::path::Path;

use attest_digest::{Artifact, Digest, DigestSet, Hashes};
use attest_provenance::{Statement, Subject, json as strict, limits};
use attest_remote::registry::{
    Access, Descriptor, Fetched, IMAGE, Name, Reference, ReferrersSource, Registry, Repository,
    SCHEME,
};
use attest_sign::{Signer, Unsigned};
use attest_verify::dialect::image::Manifest;
use serde_json::{Value, json};

use super::with_services::{Desk, refuse_two_signers};
use super::{SignArgs, verifier};
use crate::args::{self, Global};
use crate::command::provenance::statement::check;
use crate::command::release::refuse_other_content;
use crate::console::Console;
use crate::failure::{Exit, Failure, with_source};
use crate::files;
use crate::identity::{Identity, Keyring, token};
use crate::registry;

use answer::{By, Done};

/// Whether images in registries are to be signed: then nothing else is.
pub(super) fn are_meant(args: &SignArgs) -> Result<bool, Failure> {
    let remote = |it: &Path| it.to_str().is_some_and(|it| it.starts_with(SCHEME));
    if !args.files.iter().any(|it| remote(it)) {
        if args.recursive {
            let message = "--recursive is about oci:// images, and none is given";
            return Err(Failure::request("bad-arguments", message));
        }
        return Ok(false);
    }
    if !args.services.is_asked() {
        args.services.refuse_alone()?;
    }
    refuse_two_signers(args)?;
    let alone = args.files.iter().all(|it| remote(it));
    if !alone || args.out.is_some() || args.statement.is_some() || args.force {
        let message = "oci:// images are signed by themselves: without files, --statement, --out and \
                       --force";
        return Err(Failure::request("bad-arguments", message));
    }
    Ok(true)
}

/// One manifest that is signed.
struct Target<'r> {
    repository: Repository<'r>,
    /// The tag that named it, or the index that holds it, if there was one.
    tag: Option<String>,
    fetched: Fetched,
    payload: Vec<u8>,
}

pub(super) fn run(args: &SignArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    let about = About::read(args)?;
    let references = args.files.iter().map(|it| {
        let reference = registry::reference(&it.to_string_lossy())?;
        if *reference.name() == Name::None {
            let message = format!("{reference}: names no manifest");
            return Err(Failure::request("registry-reference", message)
                .hint("add @sha256:HEX, or :TAG for what it names now"));
        }
        Ok(reference)
    });
    let references: Vec<Reference> = references.collect::<Result<_, Failure>>()?;
    let registry = registry::open(&args.registry)?;
    let find_all = || -> Result<Vec<Target<'_>>, Failure> {
        let mut targets = Vec::new();
        for reference in &references {
            targets.extend(find(reference, &registry, &about, args.recursive)?);
        }
        // A release is made once, whatever it is made of.
        for target in &targets {
            refuse_other_content(&args.home.home(), &target.payload)?;
        }
        Ok(targets)
    };
    if args.services.is_asked() {
        let mut desk = Desk::open(args, global, console)?;
        let targets = find_all()?;
        let place = |position: usize| {
            let target = targets.get(position);
            target
                .map(|it| format!("{}: ", it.place()))
                .unwrap_or_default()
        };
        let (signed, certificates) = desk.sign(&unsigned(&targets), place)?;
        let by = By::Others { certificates };
        let done = Done::attach(&targets, &signed, &about, desk.now())?;
        desk.done();
        done.answer(console, &about, &by);
        return Ok(done.exit());
    }
    if let Some(note) = token::caution(args.key.as_deref()) {
        console.note(note);
    }
    let identity = Identity::open(&args.home.home(), args.home.password())?;
    let key = match &args.key {
        Some(path) => Some(Keyring::new(args.home.password()).artifact_key(path)?),
        None => None,
    };
    let key = key.as_ref().unwrap_or(&identity.artifact_key);
    let mut log = identity.open_log()?;
    let targets = find_all()?;
    let now = global.now()?.time;
    let verifier = verifier(identity.home(), now)?;
    let authority = identity.authority.at(now);
    let signed = Signer::new(key, &authority, &mut log, &verifier)
        .sign(&unsigned(&targets))
        .map_err(|error| Failure::unknown(error.code(), with_source(&error)))?;
    let done = Done::attach(&targets, &signed, &about, now)?;
    let by = By::Home {
        key,
        origin: identity.origin(),
        now,
    };
    done.answer(console, &about, &by);
    Ok(done.exit())
}

fn unsigned<'t>(targets: &'t [Target<'_>]) -> Vec<Unsigned<'t>> {
    let payloads = targets.iter().map(|it| it.payload.as_slice());
    payloads.map(Unsigned::Statement).collect()
}

/// What is said about each image.
struct About {
    predicate_type: String,
    /// None: that it is signed, as cosign says it.
    predicate: Option<Value>,
}

impl About {
    fn read(args: &SignArgs) -> Result<Self, Failure> {
        let (Some(path), Some(name)) = (&args.predicate, &args.predicate_type) else {
            return Ok(Self {
                predicate_type: IMAGE_SIGNED.to_owned(),
                predicate: None,
            });
        };
        let most = limits::STATEMENT.bytes as u64;
        let bytes = files::read_limited(path, most).map_err(|error| {
            Failure::request(
                "statement-unreadable",
                format!("{}: {error}", path.display()),
            )
        })?;
        let malformed = |problem: String| {
            let message = format!("{}: {problem}", path.display());
            Failure::request("predicate-malformed", message)
        };
        let predicate = strict::parse(&bytes, limits::STATEMENT)
            .map_err(|error| malformed(with_source(&error)))?;
        if !predicate.is_object() {
            return Err(malformed("a predicate is a JSON object".to_owned()));
        }
        Ok(Self {
            predicate_type: args::predicate_type(name)?.written().to_owned(),
            predicate: Some(predicate),
        })
    }

    fn payload(&self, reference: &Reference, digest: Digest) -> Result<Vec<u8>, Failure> {
        let malformed = |code: &'static str, error: &dyn std::error::Error| {
            Failure::request(code, with_source(error))
        };
        let Some(predicate) = &self.predicate else {
            // cosign names no subject here: an image has many names.
            let statement = json!({
                "_type": "https://in-toto.io/Statement/v1",
                "subject": [{ "digest": { "sha256": digest.hex() } }],
                "predicateType": self.predicate_type,
                "predicate": {},
            });
            return strict::canonical(&statement)
                .map_err(|error| malformed("internal-error", &error));
        };
        let mut digests = DigestSet::new();
        digests
            .insert_digest(digest)
            .map_err(|error| malformed(error.code(), &error))?;
        let name = reference.to_string();
        let subject = Subject::new(name.trim_start_matches(SCHEME), digests)
            .map_err(|error| malformed(error.code(), &error))?;
        let statement = Statement::new(
            vec![subject],
            self.predicate_type.clone(),
            predicate.clone(),
        )
        .map_err(|error| malformed(error.code(), &error))?;
        check(&statement, None)?;
        Ok(statement.to_bytes())
    }
}

/// What a reference leads to, once; with what it lists, if that is wanted.
fn find<'r>(
    reference: &Reference,
    registry: &'r Registry,
    about: &About,
    recursive: bool,
) -> Result<Vec<Target<'r>>, Failure> {
    let open = || {
        let repository = registry.repository(reference, Access::Push);
        repository.map_err(|error| registry::failure(&error))
    };
    let mut targets: Vec<Target<'r>> = Vec::new();
    let mut waiting = vec![reference.name().clone()];
    while let Some(name) = waiting.pop() {
        let repository = open()?;
        let fetched = repository
            .demand(&name)
            .map_err(|error| registry::failure(&error))?;
        let manifest = Manifest::parse(fetched.bytes()).map_err(|error| {
            Failure::no(
                "manifest-malformed",
                format!("{}: {error}", fetched.digest()),
            )
        })?;
        if targets
            .iter()
            .any(|it| it.fetched.digest() == fetched.digest())
        {
            continue;
        }
        if let Manifest::Index { manifests, .. } = &manifest
            && recursive
        {
            waiting.extend(manifests.iter().map(|it| Name::Digest(it.digest())));
        }
        if targets.len() == attest_verify::limits::IMAGE_MANIFESTS {
            let message = format!("{reference}: too many manifests inside of each other");
            return Err(Failure::no("manifest-malformed", message));
        }
        let payload = about.payload(&repository.reference().clone(), fetched.digest())?;
        targets.push(Target {
            repository,
            tag: match name {
                Name::Tag(tag) => Some(tag),
                Name::None | Name::Digest(_) => None,
            },
            fetched,
            payload,
        });
    }
    Ok(targets)
}

impl Target<'_> {
    fn place(&self) -> String {
        let name = Name::Digest(self.fetched.digest());
        self.repository.reference().with(name).to_string()
    }
}

/// Attaches a bundle as cosign 3 does: a manifest of one layer, whose subject is the image.
fn attach(
    target: &Target<'_>,
    bundle: &[u8],
    about: &About,
    created: &str,
) -> Result<(Digest, ReferrersSource), Failure> {
    let failed = |error| registry::failure(&error);
    let (repository, subject) = (&target.repository, &target.fetched);
    let blob = Artifact::of_bytes(bundle, Hashes::Sha256).sha256();
    let empty = Artifact::of_bytes(EMPTY, Hashes::Sha256).sha256();
    for (digest, mut bytes) in [(empty, EMPTY), (blob, bundle)] {
        let size = bytes.len() as u64;
        repository
            .push_blob(digest, size, &mut bytes)
            .map_err(failed)?;
    }
    let annotations = json!({
        "org.opencontainers.image.created": created,
        "dev.sigstore.bundle.content": "dsse-envelope",
        "dev.sigstore.bundle.predicateType": about.predicate_type,
    });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": IMAGE,
        "artifactType": BUNDLE,
        "config": { "mediaType": EMPTY_TYPE, "digest": empty.to_string(), "size": EMPTY.len() },
        "layers": [{ "mediaType": BUNDLE, "digest": blob.to_string(), "size": bundle.len() }],
        "subject": {
            "mediaType": subject.media_type(),
            "digest": subject.digest().to_string(),
            "size": subject.bytes().len(),
        },
        "annotations": annotations,
    });
    let manifest = manifest.to_string().into_bytes();
    let texts = annotations.as_object().into_iter().flatten();
    let descriptor = Descriptor {
        media_type: IMAGE.to_owned(),
        artifact_type: Some(BUNDLE.to_owned()),
        digest: Artifact::of_bytes(&manifest, Hashes::Sha256).sha256(),
        size: manifest.len() as u64,
        annotations: texts
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect(),
    };
    let place = repository
        .attach(subject.digest(), &manifest, &descriptor)
        .map_err(failed)?;
    Ok((descriptor.digest, place))
}

const IMAGE_SIGNED: &str = "https://sigstore.dev/cosign/sign/v1";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";
const EMPTY: &[u8] = b"{}";
