//! Steps 3 and 4: the signer signed these very bytes, and they are about this artifact.

use attest_digest::{Algorithm, Artifact, Digest, DigestSet, Match, SignedForm};
use attest_provenance::{Envelope, PAYLOAD_TYPE, Statement};

use crate::body::ClaimedBody;
use crate::bundle::{Bundle, Content, Material};
use crate::check::Check;
use crate::crypto;
use crate::dialect::Dialect;
use crate::evidence::{ProvenContent, Skipped};
use crate::key::KeyKind;
use crate::signer::{Signer, is_fingerprint};

/// What a bundle is verified for.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// Bytes that were read.
    Artifact(&'a Artifact),
    /// Bytes of which only the digest is known.
    Digest(Digest),
}

impl Subject<'_> {
    /// The digest of that algorithm, if it is known.
    fn digest(&self, algorithm: Algorithm) -> Option<Digest> {
        match self {
            Self::Artifact(artifact) => artifact.digest(algorithm),
            Self::Digest(digest) => (digest.algorithm() == algorithm).then_some(*digest),
        }
    }

    /// A digest to name it by.
    fn name(&self) -> Digest {
        match self {
            Self::Artifact(artifact) => artifact.sha256(),
            Self::Digest(digest) => *digest,
        }
    }

    fn compare(&self, claimed: &DigestSet) -> Match {
        match self {
            Self::Artifact(artifact) => artifact.compare(claimed),
            Self::Digest(found) => match claimed.get(found.algorithm()) {
                Some(wanted) if wanted == found => Match::Same,
                Some(wanted) => Match::Different {
                    algorithm: found.algorithm(),
                    found: *found,
                    wanted: *wanted,
                },
                None => Match::Incomparable,
            },
        }
    }
}

/// A signature that verified.
pub(crate) struct Verified {
    pub(crate) content: ProvenContent,
    /// The digest that was signed, and that log entries are about.
    pub(crate) digest: Digest,
    /// A digest of the artifact by which it is bound, for the engine.
    pub(crate) bound: Option<Digest>,
    /// Whether an Ed25519 key signed the bytes themselves and not their digest: no Rekor v2 log takes
    /// that as a hashedrekord.
    pub(crate) pure: bool,
    pub(crate) skipped: Option<Skipped>,
}

/// Verifies signature and binding. Without a subject only a statement can be verified, and nothing is
/// bound.
pub(crate) fn verify(
    bundle: &Bundle,
    subject: Option<&Subject<'_>>,
    signer: &Signer,
) -> Result<Verified, Check> {
    match (bundle.content(), subject) {
        (Content::Message { digest, signature }, Some(subject)) => {
            verify_message(bundle, *digest, signature, subject, signer)
        }
        (Content::Message { .. }, None) => Err(Check::new(
            "statement-missing",
            "a message signature",
            "a statement",
        )),
        (Content::Envelope(envelope), subject) => {
            verify_envelope(bundle, envelope, subject, signer)
        }
    }
}

/// Bytes that are signed as something else than a file.
pub(crate) fn signed_form(form: SignedForm) -> Check {
    Check::new(
        "pae-as-message",
        format!("bytes that begin as the signed form of {}", form.name()),
        "bytes that are signed as a file alone",
    )
}

fn verify_message(
    bundle: &Bundle,
    claimed: Option<Digest>,
    signature: &[u8],
    subject: &Subject<'_>,
    signer: &Signer,
) -> Result<Verified, Check> {
    let skipped = match subject {
        Subject::Artifact(artifact) => {
            // gitsign's bundle is one over the attributes.
            let own = (bundle.dialect() == Dialect::Cms).then_some(SignedForm::Attributes);
            match artifact.signed_form().filter(|form| Some(*form) != own) {
                Some(form) => return Err(signed_form(form)),
                None => None,
            }
        }
        Subject::Digest(_) => Some(Skipped::Bytes),
    };
    let algorithm = signer.key.kind().digest_algorithm();
    let observed = subject.digest(algorithm).ok_or_else(|| {
        Check::new(
            "digest-incomparable",
            subject.name(),
            format!("a {algorithm} digest, which the key signs"),
        )
    })?;
    if !signer.key.verifies_digest(&observed, signature) {
        return Err(why_not(bundle, signature, &observed, claimed, signer));
    }
    if let Some(claimed) = claimed {
        let found = subject.digest(claimed.algorithm()).ok_or_else(|| {
            Check::new(
                "digest-incomparable",
                subject.name(),
                format!("a {} digest, which the bundle claims", claimed.algorithm()),
            )
        })?;
        if found != claimed {
            return Err(Check::new("digest-mismatch", found, claimed));
        }
    }
    Ok(Verified {
        content: ProvenContent::Message(observed),
        digest: observed,
        bound: Some(observed),
        pure: false,
        skipped,
    })
}

fn verify_envelope(
    bundle: &Bundle,
    envelope: &Envelope,
    subject: Option<&Subject<'_>>,
    signer: &Signer,
) -> Result<Verified, Check> {
    if envelope.payload_type() != PAYLOAD_TYPE {
        let found: String = envelope.payload_type().chars().take(80).collect();
        return Err(Check::new("payload-type-unknown", found, PAYLOAD_TYPE));
    }
    let encoding = envelope.pae();
    let digest = crypto::hash(signer.key.kind().digest_algorithm(), &encoding);
    let pure = signer.key.verifies_message(&encoding, bundle.signature());
    if !pure && !signer.key.verifies_digest(&digest, bundle.signature()) {
        return Err(why_not(bundle, bundle.signature(), &digest, None, signer));
    }
    // Not before: the payload of a forged envelope is not worth reading.
    let statement = Statement::parse(envelope.unverified_payload())
        .map_err(|error| Check::new(error.code(), describe(&error), "an in-toto statement"))?;
    let bound = match subject {
        Some(subject) => Some(bind(&statement, subject)?),
        None => statement
            .subjects()
            .iter()
            .find_map(|it| engine_digest(it.digests())),
    };
    Ok(Verified {
        content: ProvenContent::Statement(Box::new(statement)),
        digest,
        bound,
        pure,
        skipped: None,
    })
}

/// The digest by which one of the statement's subjects is this artifact.
fn bind(statement: &Statement, subject: &Subject<'_>) -> Result<Digest, Check> {
    let mut other = None;
    let mut not_computed = None;
    for claimed in statement.subjects() {
        match subject.compare(claimed.digests()) {
            Match::Same => return Ok(bound_by(claimed.digests(), subject)),
            Match::Different { found, wanted, .. } => other = other.or(Some((found, wanted))),
            Match::NotComputed { algorithm } => not_computed = Some(algorithm),
            Match::Incomparable => {}
        }
    }
    let count = statement.subjects().len();
    Err(match (not_computed, other) {
        (Some(algorithm), _) => Check::new(
            "digest-incomparable",
            subject.name(),
            format!("a {algorithm} digest as well"),
        ),
        (None, Some((found, wanted))) if count == 1 => Check::new("digest-mismatch", found, wanted),
        (None, Some((found, _))) => Check::new(
            "digest-mismatch",
            found,
            format!("one of the statement's {count} subjects"),
        ),
        (None, None) => Check::new(
            "digest-incomparable",
            "no SHA-256, SHA-384 or SHA-512 of a subject",
            subject.name(),
        ),
    })
}

fn bound_by(claimed: &DigestSet, subject: &Subject<'_>) -> Digest {
    let known = |it: &&Digest| subject.digest(it.algorithm()) == Some(**it);
    let engine = engine_digest(claimed).filter(|it| known(&it));
    engine
        .or_else(|| claimed.iter().find(known).copied())
        .unwrap_or_else(|| subject.name())
}

/// A claimed digest of an algorithm that the engine compares.
fn engine_digest(claimed: &DigestSet) -> Option<Digest> {
    claimed
        .get(Algorithm::Sha256)
        .or_else(|| claimed.get(Algorithm::Sha512))
        .copied()
}

/// Says why a signature does not verify. Claims are good enough for that, and for nothing else: the
/// answer is no already.
fn why_not(
    bundle: &Bundle,
    signature: &[u8],
    observed: &Digest,
    claimed: Option<Digest>,
    signer: &Signer,
) -> Check {
    let bodies: Vec<ClaimedBody> = bundle.entries().iter().map(ClaimedBody::read).collect();
    if let Some(found) = other_key(bundle, &bodies, signer) {
        return Check::new("signer-mismatch", found, &signer.key);
    }
    let digests = bodies.iter().filter_map(|it| it.digest).chain(claimed);
    if let Some(other) = digests
        .filter(|it| it != observed)
        .find(|it| signer.key.verifies_digest(it, signature))
    {
        // The right key signed, but something else: that much is even proven. For an envelope it
        // says nothing about the artifact: the statement is not the one that was signed.
        return match bundle.content() {
            Content::Message { .. } => Check::new("digest-mismatch", observed, other),
            Content::Envelope(_) => Check::new(
                "signature-invalid",
                format!("a signature over another statement, {other}"),
                format!("one over this statement, {observed}"),
            ),
        };
    }
    if let Some(claimed) =
        claimed.filter(|it| it.algorithm() == observed.algorithm() && it != observed)
    {
        return Check::new("digest-mismatch", observed, claimed);
    }
    if matches!(bundle.content(), Content::Message { .. }) && signer.key.kind() == KeyKind::Ed25519
    {
        // A pure signature needs all the bytes at once, and says so nowhere.
        return Check::new(
            "signature-algorithm-unsupported",
            "a signature that does not verify as Ed25519ph, over the SHA-512",
            format!("one by {}; of files no log takes pure Ed25519", signer.key),
        );
    }
    Check::new(
        "signature-invalid",
        "a signature that does not verify",
        format!("one by {}", signer.key),
    )
}

/// The key that the bundle says it was signed with, if that is not the expected one.
fn other_key(bundle: &Bundle, bodies: &[ClaimedBody], signer: &Signer) -> Option<String> {
    let Material::Key { hint } = bundle.material() else {
        return None;
    };
    let keys: Vec<_> = bodies.iter().filter_map(|it| it.key.as_ref()).collect();
    if keys.contains(&&signer.key) {
        return None;
    }
    if let Some(key) = keys.first() {
        return Some(format!("{key} (claimed)"));
    }
    let hint = hint
        .as_deref()
        .filter(|it| is_fingerprint(it) && *it != signer.key.hint())?;
    Some(format!("a key with the hint {hint} (claimed)"))
}

/// An error and its causes, in one line.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
