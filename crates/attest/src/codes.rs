//! Every code that the command answers with, and its exit codes.
//!
//! Most codes are a crate's own and stand in its `CODES`; here are those of the command, and with
//! which exit code it passes on the others. `docs/codes.md` is made from both.

/// A code of the command itself.
pub(crate) struct Own {
    pub(crate) code: &'static str,
    /// The exit codes that it comes with.
    pub(crate) exits: &'static [u8],
    pub(crate) meaning: &'static str,
}

/// One line of the `CODES` of a crate.
pub(crate) struct Listed {
    /// The crate, without `attest-`.
    pub(crate) place: &'static str,
    pub(crate) code: &'static str,
    pub(crate) meaning: &'static str,
}

/// All codes of all crates, the command's last.
pub(crate) fn all() -> impl Iterator<Item = Listed> {
    let pairs = [
        ("digest", attest_digest::CODES),
        ("provenance", attest_provenance::CODES),
        ("log", attest_log::CODES),
        ("policy", attest_policy::CODES),
        ("sign", attest_sign::CODES),
        ("archive", attest_archive::CODES),
        ("record", attest_record::CODES),
        ("remote", attest_remote::CODES),
    ];
    let pairs = pairs.into_iter().flat_map(|(place, codes)| {
        codes.iter().map(move |(code, meaning)| Listed {
            place,
            code,
            meaning,
        })
    });
    let steps = attest_verify::CODES.iter().map(|it| Listed {
        place: "verify",
        code: it.code,
        meaning: it.meaning,
    });
    let own = OWN.iter().map(|it| Listed {
        place: "attest",
        code: it.code,
        meaning: it.meaning,
    });
    pairs.chain(steps).chain(own)
}

/// The exit codes with which a code can be answered. None: it stands only in the words of another.
pub(crate) fn exits(code: &str) -> &'static [u8] {
    let own = OWN.iter().find(|it| it.code == code).map(|it| it.exits);
    own.or_else(|| {
        let passed = PASSED_ON.iter().find(|(_, codes)| codes.contains(&code));
        passed.map(|(exits, _)| *exits)
    })
    .unwrap_or_default()
}

const fn own(code: &'static str, exits: &'static [u8], meaning: &'static str) -> Own {
    Own {
        code,
        exits,
        meaning,
    }
}

/// The codes that no other crate has; sorted, unique.
pub(crate) const OWN: &[Own] = &[
    own(
        "bad-arguments",
        &[2],
        "the command line has an unknown or missing part, or parts that contradict each other",
    ),
    own(
        "bad-claim",
        &[2],
        "--claim is not NAME=VALUE of a known claim, or nobody is expected who could make one",
    ),
    own(
        "bad-identity",
        &[2],
        "an expected identity or issuer is not exact, or a pattern that does not say whose it is",
    ),
    own(
        "bad-pattern",
        &[2],
        "a pattern of a flag cannot be read, or leaves the folder",
    ),
    own(
        "bad-pin",
        &[2],
        "a pin is not sha256: and 64 lower-case hexadecimal digits",
    ),
    own("bad-release", &[2], "--release is not NAME@VERSION"),
    own("bad-subject", &[2], "a digest to verify is not one"),
    own("bad-time", &[2], "--at is not a time"),
    own(
        "bundle-missing",
        &[1],
        "there is no evidence beside the subject",
    ),
    own(
        "bundle-required",
        &[2],
        "a digest is to be verified, and no bundle is named",
    ),
    own(
        "bundle-unreadable",
        &[3],
        "a bundle cannot be opened or read",
    ),
    own(
        "checkpoint-inside-home",
        &[2],
        "the checkpoint to adopt lies inside the home, where a backup would have it too",
    ),
    own(
        "checkpoint-unreadable",
        &[2],
        "a checkpoint that was kept cannot be read",
    ),
    own(
        "checksums-malformed",
        &[1],
        "a signed checksums file has lines with no or several meanings",
    ),
    own(
        "checksums-unreadable",
        &[1, 3],
        "the checksums file that a bundle signs cannot be read",
    ),
    own(
        "copy-refused",
        &[2],
        "the subjects cannot be handed over into that folder",
    ),
    own("disk-full", &[3], "the disk is full"),
    own(
        "entry-malformed",
        &[2],
        "an entry to append is none that the log takes",
    ),
    own(
        "files-from-invalid",
        &[2],
        "the list of files to verify cannot be read, or has a line that is no path",
    ),
    own(
        "flag-refused",
        &[2],
        "a flag of cosign that loosens a check, which attest does not have",
    ),
    own(
        "folder-unwritable",
        &[3],
        "the folder to publish into cannot be written",
    ),
    own(
        "format-unsupported",
        &[2],
        "the command has no verdicts about files, which this format shows",
    ),
    own(
        "git-inside",
        &[2],
        "the folder to release holds a git repository",
    ),
    own(
        "home-inside",
        &[2],
        "a home, with its private keys, lies inside the folder to release",
    ),
    own(
        "home-locked",
        &[3],
        "another run is making an identity in the same place",
    ),
    own(
        "home-occupied",
        &[2],
        "something that is no home stands where the home is to be made",
    ),
    own(
        "identity-exists",
        &[2],
        "there is an identity already, and what was asked for is decided when one is made",
    ),
    own(
        "identity-inconsistent",
        &[2],
        "a home's keys are not those that its identity names",
    ),
    own(
        "identity-unreadable",
        &[2],
        "a home's own files cannot be read",
    ),
    own(
        "independent-ambiguous",
        &[2],
        "a name that is declared independent means different keys in different trusted roots",
    ),
    own(
        "internal-error",
        &[3],
        "attest met a state that it holds to be impossible; nothing was decided",
    ),
    own(
        "journal-unreadable",
        &[2],
        "what an interrupted release left in the home cannot be read",
    ),
    own(
        "kind-unknown",
        &[1],
        "a file is of no kind that attest inspect knows",
    ),
    own(
        "log-forked",
        &[1],
        "a checkpoint that was kept is no earlier state of the log",
    ),
    own(
        "log-index-unknown",
        &[2],
        "the log has no entry of that index",
    ),
    own(
        "log-key-unreadable",
        &[2],
        "a file names no log's key, or several",
    ),
    own("log-size-unknown", &[2], "the log had no such size"),
    own(
        "name-required",
        &[2],
        "a release needs a name, and the folder is in no repository that gives one",
    ),
    own(
        "name-reserved",
        &[2],
        "a file in the folder bears a name of ours and is not ours",
    ),
    own("no-identity", &[2], "there is no identity in the home"),
    own(
        "not-published",
        &[3],
        "a release is signed and recorded, and its files could not all be put in place",
    ),
    own(
        "nothing-verified",
        &[1],
        "the subject holds no file that was signed",
    ),
    own(
        "out-inside",
        &[2],
        "the folder of --out lies inside the folder to release",
    ),
    own(
        "out-occupied",
        &[2],
        "something that is not ours stands in the folder of --out",
    ),
    own(
        "output-failed",
        &[3],
        "the answer could not be written to stdout",
    ),
    own(
        "password-differs",
        &[2],
        "a new password was typed in two ways",
    ),
    own(
        "password-required",
        &[2],
        "a password is needed, and there is no terminal to ask on",
    ),
    own("pin-not-found", &[2], "nothing at hand has the pin"),
    own(
        "private-key-inside",
        &[2],
        "the folder to release holds a private key",
    ),
    own(
        "recovery-inside",
        &[2],
        "the recovery key would lie inside the home",
    ),
    own(
        "sbom-exists",
        &[2],
        "a file of the folder bears the name of a bill of materials and is another",
    ),
    own(
        "sbom-unknown",
        &[2],
        "a bill of materials is neither CycloneDX nor SPDX",
    ),
    own(
        "sbom-unreadable",
        &[2],
        "a bill of materials cannot be read",
    ),
    own(
        "self-check-failed",
        &[3],
        "what was just made does not verify; nothing was published",
    ),
    own("signer-required", &[2], "no signer is expected"),
    own(
        "signers-malformed",
        &[2],
        "the signers file has something that is not understood, or lacks something",
    ),
    own(
        "signers-unreadable",
        &[2],
        "the signers file cannot be read",
    ),
    own(
        "signers-unsatisfiable",
        &[2],
        "more different signers are required than are accepted, or none",
    ),
    own(
        "statement-unreadable",
        &[2],
        "a statement to sign cannot be read",
    ),
    own(
        "subject-unsupported",
        &[2],
        "a subject is of a kind that is not verified here",
    ),
    own(
        "time-not-asserted",
        &[2],
        "--at is given to a command that makes evidence",
    ),
    own(
        "timestamp-chain-unreadable",
        &[2],
        "the certificates of a timestamp authority cannot be read",
    ),
    own(
        "trust-beside-subject",
        &[2],
        "unpinned trust lies inside the folder that is verified",
    ),
    own(
        "trusted-root-malformed",
        &[1, 2],
        "a trusted root is not one, or two contradict each other",
    ),
    own(
        "trusted-root-unknown",
        &[2],
        "no trusted root is known under that name",
    ),
    own(
        "trusted-root-unreadable",
        &[2, 3],
        "a trusted root cannot be read",
    ),
    own("write-failed", &[3], "a file or folder cannot be written"),
];

/// With which exit codes the codes of the other crates are passed on; each stands here once.
pub(crate) const PASSED_ON: &[(&[u8], &[&str])] = &[
    // What is said beside another answer.
    (
        &[0],
        &[
            "blob-extra",
            "entry-foreign",
            "file-extra",
            "incoming-left",
            "index-rewritten",
        ],
    ),
    // What evidence, or a file of this field, is not.
    (
        &[1],
        &[
            "bundle-malformed",
            "bundle-too-large",
            "bundle-version-unknown",
            "certificate-authority-unknown",
            "certificate-authority-validity",
            "certificate-chain-invalid",
            "certificate-log-unknown",
            "certificate-log-validity",
            "certificate-malformed",
            "certificate-outside-validity",
            "certificate-purpose",
            "certificate-transparency-invalid",
            "certificate-transparency-missing",
            "checkpoint-root-mismatch",
            "checkpoint-size-mismatch",
            "claim-mismatch",
            "claim-missing",
            "checksums-algorithm-mismatch",
            "checksums-clear-signed",
            "checksums-empty",
            "checksums-escape-invalid",
            "checksums-forms-mixed",
            "checksums-line-ending",
            "checksums-line-malformed",
            "checksums-name-duplicate",
            "checksums-not-utf8",
            "checksums-too-large",
            "checksums-truncated",
            "dialect-ambiguous",
            "dialect-mixed",
            "dialect-unknown",
            "dialect-unsupported",
            "digest-incomparable",
            "digest-mismatch",
            "engine-rejected",
            "envelope-malformed",
            "envelope-several-signatures",
            "envelope-too-large",
            "evidence-malformed",
            "file-missing",
            "file-unattested",
            "identity-mismatch",
            "issuer-mismatch",
            "json-byte-order-mark",
            "json-duplicate-key",
            "json-not-utf8",
            "json-number-out-of-range",
            "json-syntax",
            "json-too-deep",
            "json-too-large",
            "json-too-many-values",
            "json-trailing-data",
            "key-expired",
            "key-compromised",
            "key-hint-mismatch",
            "key-outside-validity",
            "key-not-for-signing",
            "key-not-yet-valid",
            "key-revoked",
            "key-unbound",
            "key-weak",
            "log-entry-duplicate",
            "log-entry-kind-unknown",
            "log-entry-mismatch",
            "log-index-mismatch",
            "log-key-validity",
            "log-missing",
            "log-promise-invalid",
            "log-promise-missing",
            "log-proof-invalid",
            "log-proof-missing",
            "log-unknown",
            "name-mismatch",
            "name-unbound",
            "package-mismatch",
            "payload-type-unknown",
            "predicate-not-requested",
            "provenance-malformed",
            "publish-malformed",
            "release-incomplete",
            "release-inconsistent",
            "release-malformed",
            "release-missing",
            "release-not-archived",
            "signature-algorithm-unsupported",
            "signature-comment-invalid",
            "signature-count",
            "signature-critical-unknown",
            "signature-expired",
            "signature-hash-weak",
            "signature-invalid",
            "signature-malformed",
            "signature-namespace",
            "signature-not-detached",
            "signature-text-mode",
            "signature-too-large",
            "signer-denied",
            "signer-mismatch",
            "signers-too-few",
            "statement-missing",
            "subject-conflict",
            "subject-name-invalid",
            "time-certificate-chain",
            "time-certificate-purpose",
            "time-duplicate",
            "time-in-future",
            "time-invalid",
            "time-missing",
            "time-not-independent",
            "time-outside-validity",
            "time-unknown",
            "tuf-expired",
            "tuf-integrity",
            "tuf-malformed",
            "tuf-name-unsafe",
            "tuf-rollback",
            "tuf-root-version",
            "tuf-signature-duplicate",
            "tuf-target-missing",
            "tuf-threshold",
            "version-already-released",
        ],
    ),
    // What is refused in evidence, and in what a flag names.
    (
        &[1, 2],
        &[
            "checkpoint-malformed",
            "checkpoint-origin-mismatch",
            "checkpoint-signature-invalid",
            "index-malformed",
            "key-unreadable",
            "key-unsupported",
            "link-broken",
            "link-to-directory",
            "name-control-character",
            "name-not-utf8",
            "name-too-deep",
            "name-too-long",
            "predicate-malformed",
            "special-file",
            "subject-missing",
        ],
    ),
    (
        &[1, 2, 3],
        &[
            "link-outside",
            "log-corrupt",
            "pae-as-message",
            "statement-malformed",
            "statement-too-large",
            "statement-type-unknown",
        ],
    ),
    (
        &[1, 3],
        &[
            "blob-corrupt",
            "blob-missing",
            "blob-not-a-file",
            "index-mismatch",
            "manifest-malformed",
            "not-a-file",
            "release-mismatch",
        ],
    ),
    // What is wrong with the request, or with our own log, keys and archive.
    (
        &[2],
        &[
            "archive-newer-format",
            "authority-chain-malformed",
            "authority-name",
            "checkpoint-copy-inside",
            "checkpoint-copy-invalid",
            "checkpoint-copy-missing",
            "checkpoint-newer-than-log",
            "checkpoint-not-published",
            "checkpoint-root-differs",
            "checkpoint-signature-missing",
            "exclude-malformed",
            "log-exists",
            "log-index-outside",
            "log-key-invalid",
            "log-not-found",
            "log-on-network",
            "name-absolute",
            "name-collision",
            "name-dash",
            "name-dot-component",
            "name-empty",
            "name-empty-component",
            "name-parent-component",
            "not-an-archive",
            "origin-invalid",
            "password-wrong",
            "recorded-name-collision",
            "recorded-path-missing",
            "release-empty",
            "release-name-malformed",
            "release-too-large",
            "timestamp-address",
            "timestamp-chain-malformed",
            "tuf-address",
            "tuf-root-unusable",
            "tuf-state-unusable",
            "variable-name",
            "variable-secret",
            "variable-value",
        ],
    ),
    (
        &[2, 3],
        &[
            "authority-validity",
            "checkpoint-copy-changed",
            "checkpoint-not-signed",
            "checkpoint-signed-before",
            "cryptography-failed",
            "encoding-failed",
            "file-exists",
            "folder-too-deep",
            "folder-too-large",
            "folder-unreadable",
            "log-entry-size",
        ],
    ),
    // What could not be told.
    (
        &[3],
        &[
            "archive-disk-full",
            "archive-io",
            "archive-locked",
            "command-not-started",
            "command-not-watched",
            "file-changed",
            "file-unreadable",
            "log-full-disk",
            "log-io",
            "log-locked",
            "log-stopped",
            "own-bundle-rejected",
            "service-answers",
            "timestamp-content-type",
            "timestamp-declined",
            "timestamp-http-status",
            "timestamp-malformed",
            "timestamp-other-message",
            "timestamp-other-nonce",
            "timestamp-redirect",
            "timestamp-timeout",
            "timestamp-too-large",
            "timestamp-unreachable",
            "tuf-file-missing",
            "tuf-http-status",
            "tuf-redirect",
            "tuf-timeout",
            "tuf-too-large",
            "tuf-unreachable",
            "unreadable",
        ],
    ),
];
