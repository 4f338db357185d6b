//! `attest inspect --limits`: every bound of every crate, with what it bounds.
//!
//! The values are the constants themselves, and the words the comments that stand above them, so that
//! there is one place for each. A test reads the sources, and misses none.

use serde_json::{Value, json};

use crate::console::{Console, escape};
use crate::failure::Exit;

/// One bound.
struct Limit {
    place: &'static str,
    name: &'static str,
    value: Value,
    meaning: String,
}

pub(super) fn run(console: &Console) -> Exit {
    let all = all();
    if console.is_json() {
        let limits: Vec<Value> = all
            .iter()
            .map(|it| {
                json!({ "crate": it.place, "name": it.name, "value": it.value, "meaning": it.meaning })
            })
            .collect();
        console.json(&json!({
            "version": 1, "command": "inspect", "answer": Exit::Yes.word(), "exit": 0, "limits": limits,
        }));
        return Exit::Yes;
    }
    for limit in all {
        console.say(format_args!(
            "{:<10} {:<24} {:>20}  {}",
            limit.place,
            limit.name,
            limit.value,
            escape(&limit.meaning)
        ));
    }
    Exit::Yes
}

/// The constants of each crate's `limits.rs`, and that file.
macro_rules! limits {
    ($($place:literal, $module:path, $source:literal: $($name:ident),+;)+) => {
        fn all() -> Vec<Limit> {
            let mut all = Vec::new();
            $({
                use $module as it;
                let source = include_str!($source);
                $(all.push(Limit {
                    place: $place,
                    name: stringify!($name),
                    value: json!(it::$name),
                    meaning: meaning(source, stringify!($name)),
                });)+
            })+
            all.extend(json_limits());
            all
        }

        #[cfg(test)]
        const SOURCES: &[(&str, &str)] = &[$(($place, include_str!($source))),+];
    };
}

limits! {
    "digest", attest_digest::limits, "../../../../digest/src/limits.rs": PATH_BYTES, PATH_DEPTH, TREE_ITEMS, TREE_DIRECTORIES, TREE_DEPTH, TREE_PATH_BYTES, SURVEY_NODES, SURVEY_FOLDER_NAMES, CHECKSUMS_BYTES, ALGORITHM_NAME_BYTES, OTHER_DIGEST_BYTES, DIGESTS, READ_BUFFER, SECOND_THREAD_ABOVE, BUFFERS_IN_FLIGHT, IN_FLIGHT, COMPONENT_BYTES, ARCHIVE_NAMES, ARCHIVE_NAME_BYTES, TAR_MEMBER_BYTES, TAR_EXTENSION_BYTES, TAR_PADDING_BYTES, UNPACKED_BYTES, UNPACKED_FREE_BYTES, UNPACKED_RATIO, ZSTD_WINDOW, ZSTD_FOREIGN_WINDOW, GZIP_HEADER_BYTES, ZIP_DIRECTORY_BYTES;
    "provenance", attest_provenance::limits, "../../../../provenance/src/limits.rs": JSON_MEMORY, JSON_DEPTH, SIGNATURES, SIGNATURE_BYTES, SUBJECTS_WRITTEN, SUBJECTS_READ, PARTS, RELEASE_NAME_BYTES, RELEASE_VERSION_BYTES, REFERENCES, REPOSITORY_URI_BYTES, CI_VALUE_BYTES, TESTS, PREDICATE_ITEMS, REPORT_ITEMS, XML_ATTRIBUTES, XML_DEPTH, PREDICATE_TEXT_BYTES, REVIEW_BASIS, REVIEW_FINDINGS, METABLOCK_MEMORY, LINK_ARTIFACTS, STEP_NAME_BYTES, LAYOUT_STEPS, LAYOUT_KEYS, LAYOUT_RULES, LAYOUT_ITEMS, PATTERN_BYTES, TREE_LINE_BYTES, TREE_ENTRIES, TREE_PATTERNS, TREE_XATTR_IN_FULL;
    "log", attest_log::limits, "../../../../log/src/limits.rs": NOTE_BYTES, NOTE_SIGNATURES, ORIGIN_BYTES, CHECKPOINT_EXTENSIONS, ENTRY_BYTES, PROOF_HASHES, POLICY_BYTES, POLICY_ITEMS;
    "verify", attest_verify::limits, "../../../../verify/src/limits.rs": BUNDLE_BYTES, BUNDLE_DEPTH, BUNDLE_VALUES, EVIDENCE_BYTES, EVIDENCE_PIECES, IMAGE_MANIFEST_BYTES, IMAGE_DESCRIPTORS, IMAGE_MANIFESTS, IMAGE_DEPTH, LOG_ENTRIES, TIMESTAMPS, PROOF_HASHES, CHAIN_CERTIFICATES, CERTIFICATE_BYTES, CERTIFICATE_TIMESTAMPS, TIMESTAMP_BYTES, TIMESTAMP_CERTIFICATES, SIGNATURE_BYTES, NAME_BYTES, IDENTITY_BYTES, KEY_BYTES, TRUSTED_ROOT_BYTES, TRUSTED_ROOT_ITEMS, DETACHED_BYTES, DETACHED_SIGNATURES, DETACHED_HASHES, OPENPGP_KEY_BYTES, OPENPGP_BLOCKS, OPENPGP_PACKETS, OPENPGP_SUBPACKETS, OPENPGP_NAME_BYTES, OPENPGP_SELF_SIGNATURES, GIT_OBJECT_BYTES, GIT_HEADERS, GIT_LOG_ENTRY_FIELDS, CLOCK_SKEW_SECONDS, LINKS, LINKS_BYTES, LINK_SIGNATURES, LINK_SIGNATURE_CHECKS, SUBLAYOUTS, LOGGED_BYTES, LOGGED_DEPTH;
    "policy", attest_policy::limits, "../../../../policy/src/limits.rs": SIGNERS, SIGNERS_FILE_BYTES, POLICY_BYTES, POLICY_RULES, POLICY_INCLUDES, INCLUDE_DEPTH, CONDITIONS, CONDITION_DEPTH, QUOTED_BYTES, STATE_BYTES, TEST_CASES;
    "sign", attest_sign::limits, "../../../../sign/src/limits.rs": KEY_FILE_BYTES, CHAIN_BYTES, TIMESTAMP_REQUEST_BYTES, NONCE_BYTES, NAME_CHARACTERS, ORIGIN_CHARACTERS, TOKEN_URI_BYTES, TOKEN_OBJECTS, SIGNING_CONFIG_BYTES, SERVICES, SERVICE_URL_BYTES, TOKEN_BYTES, LOG_ANSWER_BYTES, PROOF_HASHES;
    "record", attest_record::limits, "../../../../record/src/limits.rs": STREAM_BYTES, STREAM_GRACE_SECONDS, VARIABLES, VARIABLE_BYTES, PATTERN_BYTES, PATTERNS;
    "archive", attest_archive::limits, "../../../../archive/src/limits.rs": LAYOUT_BYTES, INDEX_BYTES, INDEX_MEMORY, MANIFEST_BYTES, MEMBERS, MEMBER_BYTES, MEDIA_TYPE_BYTES, JSON_DEPTH, SYNC_EACH, AUDIT_LINE_BYTES, AUDIT_TEXT_BYTES, AUDIT_EVENTS, AUDIT_FAULTS, RENEWAL_RECORD_BYTES, RENEWAL_LINKS, RENEWAL_TREE_DEPTH, RENEWAL_TREE_WIDTH, RENEWAL_COVERED_BYTES, RENEWALS_BYTES, TRUST_BYTES, BUNDLE_BYTES, CONSISTENCY_BYTES, CONSISTENCY_HASHES, BAG_CUT_BYTES, ATTACHMENT_MANIFESTS, BAG_MEMBERS, TAR_RECORDS, HOLDS, REASON_BYTES;
    "remote", attest_remote::limits, "../../../../remote/src/limits.rs": ANSWER_BYTES, NONCE_BYTES, CHAIN_BYTES, CHAIN_CERTIFICATES, ROOT_BYTES, TIMESTAMP_BYTES, METADATA_BYTES, TARGET_BYTES, ROOT_ROTATIONS, STATE_BYTES, STATE_ROOTS, REFERENCE_BYTES, REGISTRY_MANIFEST_BYTES, REGISTRY_REFERRERS, REGISTRY_IMAGE_SECONDS, REGISTRY_TAGS, REGISTRY_PAGES, REGISTRY_REDIRECTS, REGISTRY_TOKEN_BYTES, REGISTRY_CHUNK_BYTES, REGISTRY_INDEX_PART_BYTES, REGISTRY_INDEX_PARTS, REGISTRY_LOGIN_BYTES, REGISTRY_HELPER_BYTES, REGISTRY_HELPER_SECONDS, PLACE_ANSWER_BYTES, GITHUB_ANSWER_BYTES, GITHUB_ASSET_BYTES, GITHUB_PAGES, PLACE_REDIRECTS, LISTING_BYTES, LISTING_PAGES, OBJECT_BYTES, SLOWEST_BYTES_PER_SECOND, LOG_ANSWER_BYTES, LOG_TREES, LOG_PROOF_HASHES, LOG_FOUND, SERVICE_ANSWER_BYTES, SERVICE_WORDS, LOGIN_REQUEST_BYTES, LOGIN_CONNECTIONS, LOGIN_REQUEST_SECONDS;
    "sbom", attest_sbom::limits, "../../../../sbom/src/limits.rs": LOCK_BYTES, LOCK_JSON_MEMORY, LOCK_JSON_DEPTH, LOCK_PACKAGES, LOCK_EDGES, LOCK_FILES, LOCK_TEXT_BYTES, SBOM_BYTES, SBOM_MEMORY, SBOM_DEPTH, SBOM_COMPONENTS;
    "attest", crate::limits, "../../limits.rs": INSPECT_BYTES, STATEMENT_BYTES, LIST_BYTES, LIST_PATHS, TREE_FINDINGS, RELEASE_TREE_BYTES, TREE_STATE_BYTES, SOURCE_BYTES, SOURCES, SOURCE_OBJECTS, SOURCE_HEADER_BYTES, RELEASE_BUNDLES_BYTES, TRUST_FILES_BYTES, ATTACHED_EVIDENCE_BYTES, ATTACHED_SIGNATURES_BYTES, AUDIT_SHOWN;
}

/// Documents that are bounded in two ways.
fn json_limits() -> Vec<Limit> {
    use attest_provenance::limits::{ENVELOPE, METABLOCK, REPORT, STATEMENT};
    let two = |name: [&'static str; 2], meaning: &str, bytes: usize, depth: usize| {
        let limit = |name, what: &str, value: usize| Limit {
            place: "provenance",
            name,
            value: json!(value),
            meaning: format!("{what} of {meaning}"),
        };
        let [of_bytes, of_depth] = name;
        [
            limit(of_bytes, "Bytes", bytes),
            limit(of_depth, "Arrays and objects inside each other", depth),
        ]
    };
    let statement = ["STATEMENT.bytes", "STATEMENT.depth"];
    let envelope = ["ENVELOPE.bytes", "ENVELOPE.depth"];
    let mut both = Vec::new();
    both.extend(two(
        statement,
        "a statement",
        STATEMENT.bytes,
        STATEMENT.depth,
    ));
    both.extend(two(envelope, "an envelope", ENVELOPE.bytes, ENVELOPE.depth));
    let block = ["METABLOCK.bytes", "METABLOCK.depth"];
    let meaning = "the file of a layout or a link";
    both.extend(two(block, meaning, METABLOCK.bytes, METABLOCK.depth));
    let report = ["REPORT.bytes", "REPORT.depth"];
    let meaning = "the report of a tool";
    both.extend(two(report, meaning, REPORT.bytes, REPORT.depth));
    both
}

/// The comment above a constant, in one line and without its markup.
fn meaning(source: &str, name: &str) -> String {
    let mut comment: Vec<&str> = Vec::new();
    for line in source.lines() {
        let declared = line
            .trim_start_matches("pub(crate) ")
            .trim_start_matches("pub ")
            .strip_prefix("const ");
        if declared.is_some_and(|it| it.split(':').next() == Some(name)) {
            return without_markup(&comment.join(" "));
        }
        match line.strip_prefix("///") {
            Some(text) => comment.push(text.trim()),
            None => comment.clear(),
        }
    }
    String::new()
}

/// `[text](target)` as its text, and no backticks.
fn without_markup(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("](") {
        let (_, target) = after.split_once(')').unwrap_or((after, ""));
        plain.push_str(before);
        rest = target;
    }
    plain.push_str(rest);
    plain.replace(['[', ']', '`'], "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_constant_of_every_crate_is_printed_with_what_it_bounds() {
        let all = all();
        let mut count = 0;
        for (place, source) in SOURCES {
            for line in source.lines() {
                let declared = line.strip_prefix("pub const ").or_else(|| {
                    line.strip_prefix("pub(crate) const ")
                        .filter(|_| *place == "attest")
                });
                let Some((name, _)) = declared.and_then(|it| it.split_once(':')) else {
                    continue;
                };
                count += 1;
                let is_it =
                    |it: &&Limit| it.place == *place && it.name.split('.').next() == Some(name);
                let found = all.iter().find(is_it);
                let found = found.unwrap_or_else(|| panic!("{place}: {name} is not printed"));
                assert!(
                    found.meaning.len() > 8,
                    "{place}: {name}: {}",
                    found.meaning
                );
                assert!(found.value.is_number(), "{place}: {name}");
            }
        }
        assert!(count > 70, "{count}");
    }

    #[test]
    fn every_crate_with_bounds_is_among_them() {
        let crates = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        for entry in std::fs::read_dir(crates).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let listed = SOURCES.iter().any(|(place, _)| *place == name);
            assert_eq!(path.join("src/limits.rs").exists(), listed, "{name}");
        }
    }

    #[test]
    fn what_a_comment_links_to_is_left_out() {
        assert_eq!(
            without_markup("in one [`A`](crate::A), at most"),
            "in one A, at most"
        );
    }
}
