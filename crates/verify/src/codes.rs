//! The steps of a verification, and every way in which it says no.

/// One step of a verification, in the order in which they are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Its number, from 1.
    pub number: u8,
    /// Its name, under which [`Evidence`](crate::Evidence) lists it.
    pub name: &'static str,
    /// What it establishes.
    pub meaning: &'static str,
    /// The section that it follows.
    pub standard: &'static str,
}

/// A stable code of a rejection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// The code.
    pub code: &'static str,
    /// What it says, in one line.
    pub meaning: &'static str,
    /// The number of the [`Step`] that gives it.
    pub step: u8,
}

impl Code {
    /// The step that gives this code.
    pub fn step(&self) -> Option<&'static Step> {
        STEPS.iter().find(|step| step.number == self.step)
    }
}

/// All steps, in order.
pub const STEPS: &[Step] = &[
    step(
        1,
        "bundle",
        "the bundle is within its limits and has one meaning",
        "Sigstore bundle (protobuf-specs), RFC 8259, RFC 4648 §4",
    ),
    step(
        2,
        "signer",
        "the bundle's key or certificate is the expected signer's",
        "Sigstore bundle: PublicKeyIdentifier; Fulcio certificate profile",
    ),
    step(
        3,
        "signature",
        "the signer signed these very bytes",
        "FIPS 186-5, RFC 8032, DSSE v1.0",
    ),
    step(
        4,
        "subject",
        "what was signed is about this artifact",
        "in-toto Statement v1, DSSE v1.0",
    ),
    step(
        5,
        "entry",
        "the log's entry describes this signature, byte for byte",
        "Rekor hashedrekord and dsse 0.0.1 and 0.0.2, intoto 0.0.2, RFC 8785",
    ),
    step(
        6,
        "checkpoint",
        "the very log that the entry names signed the tree",
        "C2SP signed-note, tlog-checkpoint",
    ),
    step(
        7,
        "inclusion",
        "the entry is in that tree",
        "RFC 9162 §2.1.3",
    ),
    step(
        8,
        "promise",
        "the log promised to include the entry, at its time",
        "Rekor v1 signed entry timestamp, RFC 8785",
    ),
    step(
        9,
        "time",
        "a trusted authority saw the signature at that time",
        "RFC 3161, RFC 5652 §5, RFC 5280 §6",
    ),
    step(
        10,
        "validity",
        "log keys and certificates were valid at that time",
        "Sigstore trusted root: TimeRange",
    ),
    step(
        11,
        "chain",
        "the certificate leads to an authority of a trusted root",
        "RFC 5280 §6",
    ),
    step(
        12,
        "transparency",
        "a trusted certificate log has seen the certificate",
        "RFC 6962 §3",
    ),
    step(
        13,
        "engine",
        "the Sigstore organisation's verifier accepts as well",
        "Sigstore client specification",
    ),
];

/// Every code that a [`Rejection`](crate::Rejection) can carry, by name.
pub const CODES: &[Code] = &[
    code(
        "bundle-malformed",
        1,
        "the bundle is not JSON of one meaning, or not a bundle",
    ),
    code(
        "bundle-too-large",
        1,
        "the bundle has more bytes, values, entries or timestamps than any honest one",
    ),
    code(
        "bundle-version-unknown",
        1,
        "the bundle's media type is not one of versions 0.1 to 0.3",
    ),
    code(
        "certificate-authority-unknown",
        11,
        "the signing certificate is of an authority that no trusted root has",
    ),
    code(
        "certificate-authority-validity",
        11,
        "the authority was not valid at a proven time",
    ),
    code(
        "certificate-chain-invalid",
        11,
        "the authority that the signing certificate names did not issue it, or may not",
    ),
    code(
        "certificate-log-unknown",
        12,
        "the certificate was seen only by certificate logs that no trusted root has",
    ),
    code(
        "certificate-log-validity",
        12,
        "the certificate log's key was not valid at the time that it signed",
    ),
    code(
        "certificate-malformed",
        2,
        "the signing certificate is not one, or not of the profile",
    ),
    code(
        "certificate-outside-validity",
        10,
        "the signing certificate was not valid at a proven time",
    ),
    code(
        "certificate-purpose",
        2,
        "the signing certificate is not for code signing",
    ),
    code(
        "certificate-transparency-invalid",
        12,
        "a trusted certificate log signed another certificate than this one",
    ),
    code(
        "certificate-transparency-missing",
        12,
        "no certificate log has signed for the signing certificate",
    ),
    code(
        "checkpoint-malformed",
        6,
        "the checkpoint is not a signed note of a tree head",
    ),
    code(
        "checkpoint-origin-mismatch",
        6,
        "the checkpoint is of another log than the one that is meant",
    ),
    code(
        "checkpoint-root-mismatch",
        6,
        "the proof claims another root than the checkpoint that was signed",
    ),
    code(
        "checkpoint-signature-invalid",
        6,
        "the log that is meant did not sign the checkpoint",
    ),
    code(
        "checkpoint-size-mismatch",
        6,
        "the proof claims another tree size than the checkpoint that was signed",
    ),
    code(
        "claim-mismatch",
        2,
        "the certificate claims something else than is expected",
    ),
    code(
        "claim-missing",
        2,
        "the certificate does not claim what is expected",
    ),
    code(
        "dialect-ambiguous",
        1,
        "one document of evidence has fields of two forms",
    ),
    code(
        "dialect-mixed",
        1,
        "one file holds pieces of evidence of two forms",
    ),
    code("dialect-unknown", 1, "evidence is of no form that is known"),
    code(
        "dialect-unsupported",
        1,
        "evidence is of a form that is not read here",
    ),
    code(
        "digest-incomparable",
        4,
        "no digest that suffices is known of both the artifact and what was signed",
    ),
    code(
        "digest-mismatch",
        4,
        "the bytes are not those that were signed",
    ),
    code(
        "engine-rejected",
        13,
        "the Sigstore organisation's verifier refuses what our own path accepts",
    ),
    code(
        "evidence-malformed",
        1,
        "evidence of another form than a bundle is malformed",
    ),
    code(
        "identity-mismatch",
        2,
        "the certificate is of another identity",
    ),
    code(
        "issuer-mismatch",
        2,
        "the certificate's identity was vouched for by another issuer",
    ),
    code(
        "key-expired",
        10,
        "the signature was made after its key had expired",
    ),
    code(
        "key-hint-mismatch",
        2,
        "the bundle hints at another key than the one that signed",
    ),
    code(
        "key-not-for-signing",
        2,
        "the key's owner did not make it for signing data",
    ),
    code(
        "key-not-yet-valid",
        10,
        "the signature is older than its key",
    ),
    code(
        "key-revoked",
        10,
        "the key is revoked, and no independent time shows the signature to be older",
    ),
    code(
        "key-unbound",
        2,
        "the key does not vouch for itself, or the primary key and its subkey not for each other",
    ),
    code(
        "key-weak",
        2,
        "the key is of an algorithm or a size that no longer protects",
    ),
    code(
        "log-entry-duplicate",
        5,
        "the same log entry is given twice",
    ),
    code(
        "log-entry-kind-unknown",
        5,
        "the log entry is of a kind that we do not read for this content",
    ),
    code(
        "log-entry-mismatch",
        5,
        "the log entry is about another signature, key or digest",
    ),
    code(
        "log-index-mismatch",
        7,
        "the entry and its proof claim different places in the log",
    ),
    code(
        "log-key-validity",
        10,
        "the log's key was not valid at any proven time",
    ),
    code("log-missing", 5, "no log entry is given"),
    code(
        "log-promise-invalid",
        8,
        "the log did not sign the inclusion promise",
    ),
    code(
        "log-promise-missing",
        8,
        "a bundle of this version carries an inclusion promise",
    ),
    code(
        "log-proof-invalid",
        7,
        "a proof does not lead to the root that was signed",
    ),
    code(
        "log-proof-missing",
        7,
        "a log entry has no inclusion proof under a checkpoint",
    ),
    code(
        "log-unknown",
        5,
        "the entry names a log that no trusted root has",
    ),
    code(
        "package-mismatch",
        1,
        "attestations of one package are about different ones",
    ),
    code(
        "pae-as-message",
        4,
        "the artifact's bytes begin as those that a signature over something else covers",
    ),
    code(
        "payload-type-unknown",
        4,
        "the envelope's payload is not an in-toto statement",
    ),
    code(
        "signature-algorithm-unsupported",
        3,
        "we cannot verify signatures of this key over this content",
    ),
    code(
        "signature-comment-invalid",
        3,
        "the key did not sign the comment that the signature is shown with",
    ),
    code(
        "signature-count",
        3,
        "the envelope has not exactly one signature",
    ),
    code(
        "signature-critical-unknown",
        3,
        "the signer demands that something be understood which we do not know",
    ),
    code(
        "signature-expired",
        10,
        "the signer let the signature end, and it has",
    ),
    code(
        "signature-hash-weak",
        3,
        "the signature is over a hash that can be forged",
    ),
    code(
        "signature-invalid",
        3,
        "the expected key did not make this signature",
    ),
    code(
        "signature-malformed",
        1,
        "the file is not one of detached signatures, or has not one meaning",
    ),
    code(
        "signature-namespace",
        3,
        "the signature was made for another purpose than a file",
    ),
    code(
        "signature-not-detached",
        1,
        "the file holds what it signs, and says nothing of another",
    ),
    code(
        "signature-text-mode",
        3,
        "the signature covers a text, and not the bytes",
    ),
    code(
        "signature-too-large",
        1,
        "the file of signatures has more bytes, signatures or parts than any honest one",
    ),
    code("signer-mismatch", 2, "somebody else signed"),
    code(
        "statement-malformed",
        4,
        "the payload is not an in-toto statement of one meaning",
    ),
    code(
        "statement-missing",
        4,
        "a statement is wanted, and the bundle signs a message",
    ),
    code(
        "statement-too-large",
        4,
        "the statement has more bytes than we read",
    ),
    code(
        "statement-type-unknown",
        4,
        "the statement is of an unknown version",
    ),
    code(
        "time-certificate-chain",
        9,
        "the authority's certificates do not lead from its signer to its root",
    ),
    code(
        "time-certificate-purpose",
        9,
        "the authority's certificate is not for timestamping alone",
    ),
    code("time-duplicate", 9, "the same timestamp is given twice"),
    code("time-in-future", 9, "a proven time lies in the future"),
    code(
        "time-invalid",
        9,
        "a timestamp is malformed, forged, or of another signature",
    ),
    code("time-missing", 9, "no trusted time is given"),
    code(
        "time-outside-validity",
        9,
        "a timestamp lies outside the validity of its authority or of its certificates",
    ),
    code(
        "time-unknown",
        9,
        "a timestamp is of an authority that no trusted root has",
    ),
];

const fn step(
    number: u8,
    name: &'static str,
    meaning: &'static str,
    standard: &'static str,
) -> Step {
    Step {
        number,
        name,
        meaning,
        standard,
    }
}

const fn code(code: &'static str, step: u8, meaning: &'static str) -> Code {
    Code {
        code,
        meaning,
        step,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_sorted_and_of_a_known_step() {
        let codes: Vec<_> = CODES.iter().map(|it| it.code).collect();
        let mut sorted = codes.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(codes, sorted);
        for code in CODES {
            assert!(code.step().is_some(), "{}", code.code);
            assert!(
                code.code
                    .bytes()
                    .all(|it| it.is_ascii_lowercase() || it == b'-'),
                "{}",
                code.code
            );
        }
    }

    #[test]
    fn steps_are_numbered_from_one() {
        for (index, step) in STEPS.iter().enumerate() {
            assert_eq!(usize::from(step.number), index + 1);
        }
    }
}
