//! Services that others run, chosen by flags: for `attest sign` and `attest release`.

mod ambient;
mod drafts;
mod known;
mod login;
mod token;

use std::cell::Cell;
use std::path::Path;
use std::time::{Duration, Instant};

use attest_provenance::json::{self, Object};
use attest_remote::{Fulcio, HttpAuthority, Patience, Persistence, Rekor, RekorVersion};
use attest_sign::{
    Certifier, Credential, Drafts, EntryLog, NamedTimestamper, ServiceSigner, SignError, Signed,
    SigningConfig, Unsigned,
};
use attest_verify::{Accept, EmbeddedRoot, TrustedRoot, Verifier};
use jiff::{SignedDuration, Timestamp};

use crate::args::ServiceArgs;
use crate::failure::{Failure, with_source};
use crate::files;
use crate::identity::Keyring;

pub(crate) use drafts::{DRAFT_BYTES, DraftFolder};
use known::KnowingLog;
pub(crate) use known::of_tiles;
pub(crate) use token::Tokens;

/// Services at hand; nothing was sent yet.
pub(crate) struct Services {
    issuer: Option<Fulcio>,
    authorities: Vec<(String, HttpAuthority)>,
    logs: Vec<KnowingLog>,
    root: TrustedRoot,
    /// The trusted root, as acquirers need it.
    pub(crate) root_bytes: Vec<u8>,
    clock: RunClock,
}

/// The clock was read once; the time since then is measured.
struct RunClock {
    start: Timestamp,
    since: Instant,
    /// No later reading shows an earlier time.
    last: Cell<Timestamp>,
}

/// Who signs with services.
pub(crate) enum Who<'a> {
    Key(&'a attest_sign::ArtifactKey),
    Identity(&'a mut Tokens),
}

impl Services {
    /// # Errors
    /// Exit 2: what a flag names is not what it must be, or names no services that can be used now.
    pub(crate) fn resolve(args: &ServiceArgs, now: Timestamp) -> Result<Self, Failure> {
        let (config, root_bytes, place) = configuration(args)?;
        let root = TrustedRoot::parse(&root_bytes)
            .map_err(|error| {
                Failure::request(error.code(), format!("{place}: {}", with_source(&error)))
            })?
            .named(&place);
        let unsatisfiable =
            |error: attest_sign::SelectionError| Failure::request(error.code(), error);
        let refused = |error: attest_remote::ServiceError| Failure::request(error.code(), error);
        let persistence = persistence(args);
        let issuer = if args.is_keyless() {
            let service = config.certificate_authority(now).map_err(unsatisfiable)?;
            Some(Fulcio::new(service.url(), persistence).map_err(refused)?)
        } else {
            None
        };
        let mut logs = Vec::new();
        for service in config.logs(now).map_err(unsatisfiable)? {
            let version = match service.version() {
                1 => RekorVersion::V1,
                _ => RekorVersion::V2,
            };
            let rekor = Rekor::new(service.url(), version, persistence).map_err(refused)?;
            let patience = persistence.patience;
            logs.push(KnowingLog::new(rekor, service.url(), &root, patience));
        }
        let mut authorities = Vec::new();
        for service in config.timestamp_authorities(now).map_err(unsatisfiable)? {
            let authority = HttpAuthority::persistent(service.url(), persistence)
                .map_err(|error| Failure::request(error.code(), error))?;
            authorities.push((service.url().to_owned(), authority));
        }
        if authorities.is_empty() && !logs.iter().any(EntryLog::tells_time) {
            return Err(Failure::request(
                "signing-config-unsatisfiable",
                "neither a timestamp authority nor a log of the signing config tells the time, without which nobody can verify",
            ));
        }
        Ok(Self {
            issuer,
            authorities,
            logs,
            root,
            root_bytes,
            clock: RunClock {
                start: now,
                since: Instant::now(),
                last: Cell::new(now),
            },
        })
    }

    /// Whether authorities stamp what is signed, and not logs alone.
    pub(crate) fn has_authorities(&self) -> bool {
        !self.authorities.is_empty()
    }

    /// What time it is: as the clock said when the run began, and what has passed since.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A verifier of what the services answer, with the trust that acquirers will have.
    pub(crate) fn verifier(&self) -> Result<Verifier, Failure> {
        Verifier::new(vec![self.root.clone()], self.now(), Accept::default())
            .map_err(|error| Failure::request(error.code(), with_source(&error)))
    }

    /// Signs all of these; the number of certificates that were asked for. `place` names what is to be
    /// signed.
    pub(crate) fn sign(
        &self,
        who: Who<'_>,
        unsigned: &[Unsigned<'_>],
        verifier: &Verifier,
        drafts: &mut dyn Drafts,
        place: impl Fn(usize) -> String,
    ) -> Result<(Vec<Signed>, usize), Failure> {
        self.with(who, verifier, |signer, credential| {
            signer
                .sign(credential, drafts, unsigned)
                .map_err(|error| sign_failure(&error, place))
        })
    }

    /// Lets `work` sign; the number of certificates that were asked for.
    pub(crate) fn with<T>(
        &self,
        who: Who<'_>,
        verifier: &Verifier,
        work: impl FnOnce(&ServiceSigner<'_>, &mut Credential<'_, '_>) -> Result<T, Failure>,
    ) -> Result<(T, usize), Failure> {
        let clock = || self.now();
        let authorities = self.authorities.iter();
        let desk = ServiceSigner {
            authorities: authorities
                .map(|(address, service)| NamedTimestamper { address, service })
                .collect(),
            logs: self.logs.iter().map(|it| it as &dyn EntryLog).collect(),
            verifier,
            clock: &clock,
        };
        match who {
            Who::Key(key) => Ok((work(&desk, &mut Credential::Key(key))?, 0)),
            Who::Identity(tokens) => {
                let first = tokens
                    .current(self.now())
                    .map_err(|error| sign_failure(&error.into(), |_| String::new()))?;
                let authority = self.issuer.as_ref().ok_or_else(|| {
                    Failure::unknown("internal-error", "no certificate authority")
                })?;
                let mut renew = |now| tokens.current(now);
                let mut certifier = Certifier::new(authority, &first, &mut renew);
                let done = work(&desk, &mut Credential::Identity(&mut certifier))?;
                Ok((done, certifier.issued()))
            }
        }
    }
}

impl RunClock {
    fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.since.elapsed()).unwrap_or_default();
        let now = self.start.checked_add(passed).unwrap_or(self.start);
        self.last.set(self.last.get().max(now));
        self.last.get()
    }
}

/// What went wrong: evidence that does not say so is no, what is wrong with the request is that, and
/// everything else could not be told. `place` names what was to be signed.
pub(crate) fn sign_failure(error: &SignError, place: impl Fn(usize) -> String) -> Failure {
    let message = error.to_string();
    match error {
        SignError::PaeAsMessage { position, .. } | SignError::Statement { position, .. } => {
            Failure::request(error.code(), format!("{}{message}", place(*position)))
        }
        SignError::Refuted { position, .. } => {
            Failure::no(error.code(), format!("{}{message}", place(*position)))
        }
        SignError::Certificate { .. }
        | SignError::CertificateKey
        | SignError::CertificateShort { .. } => Failure::no(error.code(), message),
        SignError::Timestamp(inner) if is_wrong_answer(inner.code()) => {
            Failure::no(error.code(), message)
        }
        _ => Failure::unknown(error.code(), message)
            .hint("nothing was written; run the same command again when the service answers"),
    }
}

/// A token of another request, or about another message: evidence, and wrong.
fn is_wrong_answer(code: &str) -> bool {
    matches!(code, "timestamp-other-message" | "timestamp-other-nonce")
}

/// The signing config, the trusted root, and where the root came from.
fn configuration(args: &ServiceArgs) -> Result<(SigningConfig, Vec<u8>, String), Failure> {
    if let Some(path) = &args.trust_config {
        return trust_config(path);
    }
    let default = EmbeddedRoot::DEFAULT.name();
    let root = args.trusted_root.as_deref().unwrap_or(default);
    let root_bytes = match embedded(root)? {
        Some(embedded) => embedded.trusted_root().to_vec(),
        None => read("trusted-root-unreadable", Path::new(root))?,
    };
    // Services of one instance, verified by another's root, could only fail.
    let config = args.signing_config.as_deref().unwrap_or(root);
    let bytes = match embedded(config)? {
        Some(embedded) => embedded.signing_config().map(<[u8]>::to_vec),
        None if args.signing_config.is_none() => None,
        None => Some(read("signing-config-unreadable", Path::new(config))?),
    };
    let bytes = bytes.ok_or_else(|| {
        Failure::request(
            "signing-config-required",
            format!("attest knows no services of the instance that {root} is the trusted root of"),
        )
        .hint("name them with --signing-config FILE, or both with --trust-config FILE")
    })?;
    let parsed = SigningConfig::parse(&bytes).map_err(|error| malformed(config, &error))?;
    Ok((parsed, root_bytes, root.to_owned()))
}

/// The provider at which people log in: the one that a flag names, else that of the signing config.
fn provider(args: &ServiceArgs, now: Timestamp) -> Result<String, Failure> {
    if let Some(issuer) = &args.oidc_issuer {
        return Ok(issuer.clone());
    }
    let (config, ..) = configuration(args)?;
    let service = config.identity_provider(now);
    let service = service.map_err(|error| {
        Failure::request(error.code(), error).hint("name a provider with --oidc-issuer URL")
    })?;
    Ok(service.url().to_owned())
}

fn embedded(name: &str) -> Result<Option<&'static EmbeddedRoot>, Failure> {
    if name.starts_with('@') {
        crate::trust::known(name).map(Some)
    } else {
        Ok(None)
    }
}

/// ```text
/// {"mediaType":"application/vnd.dev.sigstore.clienttrustconfig.v0.1+json","trustedRoot":{…},"signingConfig":{…}}
/// ```
/// See protobuf-specs, `sigstore_trustroot.proto`, `ClientTrustConfig`.
fn trust_config(path: &Path) -> Result<(SigningConfig, Vec<u8>, String), Failure> {
    let place = path.display().to_string();
    let bytes = read("trust-config-unreadable", path)?;
    let wrong =
        |problem: String| Failure::request("trust-config-malformed", format!("{place}: {problem}"));
    let limits = json::Limits {
        bytes: attest_sign::limits::SIGNING_CONFIG_BYTES,
        depth: 24,
    };
    let value = json::parse(&bytes, limits).map_err(|error| wrong(with_source(&error)))?;
    let mut object = Object::new("", value).map_err(|error| wrong(error.to_string()))?;
    let mut take = |field| object.take(field).map_err(|error| wrong(error.to_string()));
    let media_type = take("mediaType")?;
    let (root, config) = (take("trustedRoot")?, take("signingConfig")?);
    object.finish().map_err(|error| wrong(error.to_string()))?;
    if media_type.as_str() != Some(TRUST_CONFIG) {
        return Err(wrong(format!(
            "media type is {media_type}, wanted {TRUST_CONFIG}"
        )));
    }
    let config = SigningConfig::from_value(config).map_err(|error| malformed(&place, &error))?;
    let mut root = serde_json::to_vec_pretty(&root)
        .map_err(|error| Failure::unknown("encoding-failed", error))?;
    root.push(b'\n');
    Ok((config, root, place))
}

fn malformed(place: &str, error: &attest_sign::SigningConfigError) -> Failure {
    Failure::request(error.code(), format!("{place}: {}", with_source(error)))
}

fn read(code: &'static str, path: &Path) -> Result<Vec<u8>, Failure> {
    files::read_limited(path, attest_sign::limits::SIGNING_CONFIG_BYTES as u64)
        .map_err(|error| Failure::request(code, format!("{}: {error}", path.display())))
}

fn persistence(args: &ServiceArgs) -> Persistence {
    let total = Duration::from_secs(args.service_timeout);
    Persistence {
        patience: Patience {
            connect: total.min(CONNECT),
            total: total.min(ANSWER),
        },
        total,
    }
}

/// The key of a file, or of the home.
pub(crate) fn key(
    path: Option<&Path>,
    home: &crate::args::HomeArgs,
) -> Result<attest_sign::ArtifactKey, Failure> {
    let mut keyring = Keyring::new(home.password());
    if let Some(path) = path {
        return keyring.artifact_key(path);
    }
    let home = home.home();
    home.require()?;
    keyring.artifact_key(&home.artifact_key())
}

const TRUST_CONFIG: &str = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json";
const CONNECT: Duration = Duration::from_secs(10);
/// A Rekor v2 answers when its next checkpoint is there.
const ANSWER: Duration = Duration::from_secs(60);
