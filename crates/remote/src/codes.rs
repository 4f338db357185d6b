//! Every code of this crate.

/// The codes of all errors of this crate, and what they mean; sorted, unique.
pub const CODES: &[(&str, &str)] = &[
    ("log-address", "an address is not one of a log that we call"),
    (
        "log-answer-malformed",
        "the log answers with something else than was asked for",
    ),
    ("log-answer-missing", "the log has no answer to a question"),
    ("log-answer-too-large", "the log's answer does not end"),
    (
        "log-entry-exists",
        "a log has the entry already and gives no proof of it",
    ),
    ("log-http-status", "the log answers with an error"),
    (
        "log-redirect",
        "the log wants to be asked elsewhere, and is not",
    ),
    ("log-timeout", "the log gave no whole answer in time"),
    ("log-unreachable", "the log cannot be reached"),
    (
        "login-issuer",
        "who answers a login is another provider than the one that was asked",
    ),
    (
        "login-listener",
        "this machine lets nobody listen for the answer of a login",
    ),
    (
        "login-malformed",
        "a browser comes back from a login with something that is no answer",
    ),
    (
        "login-nonce",
        "the identity token of a login was made for another login",
    ),
    ("login-refused", "the provider lets nobody in: it says why"),
    (
        "login-state",
        "a browser comes back with the answer to a login that nobody here began",
    ),
    ("login-timeout", "nobody logged in in time"),
    (
        "login-unfit",
        "the provider cannot do a login that nobody else can use (code flow, PKCE with S256)",
    ),
    (
        "place-address",
        "an address is not one of a place that we call, or it is plain HTTP to another machine",
    ),
    (
        "place-credentials",
        "a place needs a login, and none is given that can be sent",
    ),
    ("place-denied", "a place does not let us read or write"),
    (
        "place-folder",
        "a folder that is a place cannot be read or written",
    ),
    ("place-http-status", "a place answers with an error"),
    (
        "place-malformed",
        "a place answers with something else than what was asked for",
    ),
    (
        "place-redirect",
        "a place wants to be asked elsewhere, and is not",
    ),
    (
        "place-source",
        "what should be sent to a place cannot be read, or has changed",
    ),
    ("place-timeout", "a place gave no whole answer in time"),
    (
        "place-too-large",
        "a file for a place, or its answer, is larger than what is taken",
    ),
    (
        "place-unfit",
        "a place overwrites what must stay as it is: nothing is entrusted to it",
    ),
    ("place-unreachable", "a place cannot be reached"),
    (
        "registry-content-type",
        "the registry answers with something else than what was asked for, such as a web page",
    ),
    (
        "registry-denied",
        "the registry does not let us, with the credentials that were found or without any",
    ),
    (
        "registry-differs",
        "the registry gives other bytes than those that were asked for",
    ),
    (
        "registry-helper",
        "a credential helper of docker's configuration gives no credentials",
    ),
    ("registry-http-status", "the registry answers with an error"),
    (
        "registry-list-too-large",
        "a list of the registry has more than is read of any",
    ),
    ("registry-login", "docker's configuration cannot be used"),
    ("registry-malformed", "the registry's answer cannot be read"),
    ("registry-not-found", "the registry has no such thing"),
    (
        "registry-not-kept",
        "what was written to the registry is not what is there",
    ),
    (
        "registry-realm",
        "the registry sends us for a token to a place where credentials do not go",
    ),
    (
        "registry-redirect",
        "the registry leads to a place where nothing is asked",
    ),
    ("registry-reference", "a text names nothing in a registry"),
    (
        "registry-referrers",
        "what the registry lists as attached cannot be so",
    ),
    ("registry-sink", "what was pulled could not be written"),
    (
        "registry-source",
        "what should be pushed could not be read, or is something else",
    ),
    (
        "registry-tag-moved",
        "a tag names something else than it did a moment before",
    ),
    (
        "registry-timeout",
        "the registry gave no whole answer in time",
    ),
    (
        "registry-token",
        "the registry's place for tokens gives none",
    ),
    (
        "registry-too-large",
        "a manifest or an index of the registry has more than is read of any",
    ),
    ("registry-unreachable", "the registry cannot be reached"),
    (
        "service-address",
        "an address is not one of a service that we call, or a token would be sent there in the open",
    ),
    ("service-http-status", "a service answers with an error"),
    (
        "service-malformed",
        "a service answers with something else than what was asked for",
    ),
    (
        "service-redirect",
        "a service wants to be asked elsewhere, and is not",
    ),
    ("service-refused", "a service refuses what it was asked"),
    ("service-timeout", "a service gave no whole answer in time"),
    ("service-too-large", "a service's answer does not end"),
    ("service-unreachable", "a service cannot be reached"),
    (
        "timestamp-address",
        "an address is not one of a timestamp authority that we call",
    ),
    (
        "timestamp-chain-malformed",
        "certificates are not one leaf for timestamps and its issuers up to a root",
    ),
    (
        "timestamp-content-type",
        "the timestamp authority answers with something else than a timestamp",
    ),
    (
        "timestamp-declined",
        "the timestamp authority declines the request",
    ),
    (
        "timestamp-http-status",
        "the timestamp authority answers with an error",
    ),
    (
        "timestamp-malformed",
        "the timestamp authority's answer is not a timestamp",
    ),
    (
        "timestamp-other-message",
        "the timestamp authority timestamped another message",
    ),
    (
        "timestamp-other-nonce",
        "the timestamp authority answered another request than this one",
    ),
    (
        "timestamp-redirect",
        "the timestamp authority wants to be asked elsewhere, and is not",
    ),
    (
        "timestamp-timeout",
        "the timestamp authority gave no whole answer in time",
    ),
    (
        "timestamp-too-large",
        "the timestamp authority's answer does not end",
    ),
    (
        "timestamp-unreachable",
        "the timestamp authority cannot be reached",
    ),
    (
        "tuf-address",
        "an address is not one of a TUF repository that we call",
    ),
    (
        "tuf-expired",
        "metadata is no longer in force: nobody keeps the repository, or what is newer is hidden",
    ),
    (
        "tuf-file-missing",
        "the repository lacks a file that must be there",
    ),
    ("tuf-http-status", "the repository answers with an error"),
    ("tuf-integrity", "a file is not the one that was signed for"),
    (
        "tuf-malformed",
        "a file is not TUF metadata of a kind that we know",
    ),
    (
        "tuf-name-unsafe",
        "metadata names a file that could lie outside of the repository",
    ),
    (
        "tuf-redirect",
        "the repository wants to be asked elsewhere, and is not",
    ),
    (
        "tuf-rollback",
        "metadata is older than what was seen before",
    ),
    (
        "tuf-root-unusable",
        "the root.json to start from does not sign itself",
    ),
    (
        "tuf-root-version",
        "a root.json does not follow the one before it",
    ),
    ("tuf-signature-duplicate", "one key is counted twice"),
    (
        "tuf-state-unusable",
        "what an earlier refresh kept cannot be read, or is of another repository",
    ),
    ("tuf-target-missing", "the repository has no such target"),
    ("tuf-threshold", "fewer signatures hold than the role needs"),
    ("tuf-timeout", "the repository gave no whole answer in time"),
    ("tuf-too-large", "a file of the repository does not end"),
    ("tuf-unreachable", "the repository cannot be reached"),
];

#[cfg(test)]
mod tests {
    use super::CODES;

    const SOURCES: [&str; 8] = [
        include_str!("chain.rs"),
        include_str!("error.rs"),
        include_str!("log_reader.rs"),
        include_str!("login_error.rs"),
        include_str!("place/error.rs"),
        include_str!("registry/error.rs"),
        include_str!("service.rs"),
        include_str!("tuf_error.rs"),
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
        let functions = source.split("pub const fn code(&self)").skip(1);
        let bodies = functions.filter_map(|rest| rest.split_once("\n    }\n"));
        bodies
            .flat_map(|(body, _)| body.split('"').skip(1).step_by(2))
            .collect()
    }
}
