//! Every code of this crate.

/// The codes of all errors of this crate, and what they mean; sorted, unique. Errors that carry
/// another crate's error answer with that crate's code.
pub const CODES: &[(&str, &str)] = &[
    (
        "authority-chain-malformed",
        "a timestamp authority's certificates are not a chain of a leaf for its key and its issuers",
    ),
    (
        "authority-name",
        "a name is empty, too long or holds control characters: no certificate can carry it",
    ),
    (
        "authority-validity",
        "a time lies outside the validity of the timestamp certificate, or a validity cannot be written",
    ),
    (
        "certificate-other-key",
        "the certificate that was issued is for another key than the one it was asked for",
    ),
    (
        "certificate-too-short",
        "the certificate that was issued ends before anything could be signed under it",
    ),
    (
        "cryptography-failed",
        "the cryptographic library failed, or the system gave no random bytes",
    ),
    (
        "encoding-failed",
        "a structure of ours could not be encoded",
    ),
    (
        "identity-token-audience",
        "an identity token is for another audience",
    ),
    (
        "identity-token-expired",
        "an identity token is no longer valid, or not yet",
    ),
    (
        "identity-token-malformed",
        "an identity token is not one: parts, base64, claims, or nobody signed it",
    ),
    (
        "key-unreadable",
        "a key file is too large, not PEM, or holds no key that can be read",
    ),
    (
        "key-unsupported",
        "a key file holds a key of another kind, or is encrypted in another way, than those we read",
    ),
    (
        "origin-invalid",
        "a log's origin is not a bare host name in lower case",
    ),
    (
        "own-bundle-rejected",
        "a bundle that was just made does not verify, and is not handed out",
    ),
    (
        "pae-as-message",
        "the artifact's bytes begin as those that a signature over something else covers",
    ),
    (
        "password-wrong",
        "the password does not open the key, or the key file was altered",
    ),
    (
        "pin-final-try",
        "one try remains before the token locks: attest leaves it to the token's own program",
    ),
    (
        "pin-locked",
        "the token is locked after too many wrong PINs",
    ),
    ("pin-required", "the token wants a PIN, and none was given"),
    (
        "pin-wrong",
        "the PIN of the token is wrong; it is tried once",
    ),
    (
        "service-answers",
        "a log or timestamp authority gave another number of answers than was asked for",
    ),
    (
        "signing-config-malformed",
        "a file is not a signing config of version 0.2",
    ),
    (
        "signing-config-unsatisfiable",
        "a signing config names no services, or fewer than it asks for, that can be used now",
    ),
    (
        "timestamp-digest-unsupported",
        "a timestamp request is for a digest other than SHA-256, SHA-384 and SHA-512",
    ),
    (
        "timestamp-extension-unsupported",
        "a timestamp request has an extension",
    ),
    (
        "timestamp-imprint-length",
        "the imprint of a timestamp request is not as long as its digest",
    ),
    (
        "timestamp-policy-unsupported",
        "a timestamp request wants a policy that is not offered",
    ),
    (
        "timestamp-request-malformed",
        "a timestamp request is not a TimeStampReq of version 1 in DER",
    ),
    (
        "timestamp-request-too-large",
        "a timestamp request or its nonce has more bytes than any client's",
    ),
    ("token-ambiguous", "several tokens fit the URI"),
    ("token-failed", "the token did not do what it was asked"),
    (
        "token-key-ambiguous",
        "several private keys of the token fit the URI",
    ),
    (
        "token-key-inconsistent",
        "public key and certificate of one id in the token are different keys",
    ),
    (
        "token-key-missing",
        "the token shows no private key that fits the URI",
    ),
    (
        "token-key-unreadable",
        "the token holds neither the public half of the key nor a certificate for it",
    ),
    ("token-missing", "no token that is present fits the URI"),
    ("token-module-missing", "no PKCS#11 module is named"),
    (
        "token-module-unusable",
        "a PKCS#11 module cannot be loaded, or is none",
    ),
    (
        "token-signature-wrong",
        "what the token gave does not verify under its key: not handed out",
    ),
    (
        "token-uri-malformed",
        "a PKCS#11 URI is not of the form of RFC 7512, or has an attribute that is not read here",
    ),
];

#[cfg(test)]
mod tests {
    use super::CODES;

    const SOURCES: [&str; 13] = [
        include_str!("authority.rs"),
        include_str!("authority/certificate.rs"),
        include_str!("authority/request.rs"),
        include_str!("checkpoint_key.rs"),
        include_str!("crypto.rs"),
        include_str!("identity.rs"),
        include_str!("identity_token.rs"),
        include_str!("key_file.rs"),
        include_str!("origin.rs"),
        include_str!("signer.rs"),
        include_str!("signing_config.rs"),
        include_str!("token/error.rs"),
        include_str!("token/uri.rs"),
    ];

    #[test]
    fn every_code_in_the_sources_is_listed_and_no_other() {
        let mut found: Vec<&str> = SOURCES.iter().flat_map(|source| codes(source)).collect();
        found.sort_unstable();
        found.dedup();
        let listed: Vec<&str> = CODES.iter().map(|(code, _)| *code).collect();
        assert_eq!(found, listed);
    }

    /// The texts that `fn code` of a source answers.
    fn codes(source: &str) -> Vec<&str> {
        let functions = source.split("fn code(&self) -> &'static str").skip(1);
        let bodies = functions.filter_map(|rest| rest.split_once("\n    }\n"));
        bodies
            .flat_map(|(body, _)| body.split('"').skip(1).step_by(2))
            .collect()
    }
}
