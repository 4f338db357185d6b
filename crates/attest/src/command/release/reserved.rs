//! The names at a release folder's top that are ours: written by `attest release`, never its input.

use std::collections::BTreeSet;

/// The file that lists the digests of all others.
pub(super) const CHECKSUMS: &str = "SHA256SUMS";
/// The message signature over the checksums file, as a bundle.
pub(super) const CHECKSUMS_BUNDLE: &str = "SHA256SUMS.sigstore.json";
/// The same signature as plain DER, for openssl.
pub(super) const CHECKSUMS_SIGNATURE: &str = "SHA256SUMS.sig";
/// The same file signed by an OpenPGP key.
pub(super) const CHECKSUMS_OPENPGP: &str = "SHA256SUMS.asc";
/// The public key.
pub(super) const PUBLIC_KEY: &str = "release.pub";
/// The log and the timestamp authority.
pub(super) const TRUSTED_ROOT: &str = "trusted_root.json";
/// The manifest of the release's files: sizes, digests and modes.
pub(super) const TREE: &str = "release.tree";
/// The statement about it, as a bundle.
pub(super) const TREE_BUNDLE: &str = "release.tree.sigstore.json";
/// How to check a release without attest.
pub(super) const INSTRUCTIONS: &str = "VERIFY.md";

/// Whether a file of this name at the folder's top is evidence and never an artifact.
pub(super) fn is_reserved(name: &str) -> bool {
    name.starts_with(CHECKSUMS)
        || matches!(name, PUBLIC_KEY | TRUSTED_ROOT | INSTRUCTIONS | TREE)
        || (name.ends_with(".sigstore.json")
            && ["release", "provenance", "sbom"]
                .iter()
                .any(|stem| name.starts_with(stem)))
}

/// The names of what is signed over the manifest of the files, which cannot name their digests, and its own.
pub(super) fn beside_tree(
    has_key: bool,
    has_openpgp: bool,
    bundles: impl Iterator<Item = String>,
) -> BTreeSet<String> {
    let of_key = has_key.then_some(CHECKSUMS_SIGNATURE);
    let openpgp = has_openpgp.then_some(CHECKSUMS_OPENPGP);
    let own = [CHECKSUMS, CHECKSUMS_BUNDLE, TREE].into_iter();
    let own = own.chain(of_key).chain(openpgp).map(str::to_owned);
    own.chain(bundles).collect()
}

/// `release.sigstore.json` when one statement names everything, else `release.N.sigstore.json`.
pub(super) fn bundle_name(stem: &str, part: u32, parts: u32) -> String {
    if parts == 1 {
        format!("{stem}.sigstore.json")
    } else {
        format!("{stem}.{part}.sigstore.json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_names_are_reserved_and_others_are_not() {
        for name in [
            "SHA256SUMS",
            "SHA256SUMS.sig",
            "SHA256SUMS.asc",
            "release.sigstore.json",
            "release.12.sigstore.json",
            "provenance-old.sigstore.json",
            "sbom.sigstore.json",
            "release.pub",
            "trusted_root.json",
            "VERIFY.md",
            "release.tree",
            "release.tree.sigstore.json",
        ] {
            assert!(is_reserved(name), "{name}");
        }
        for name in [
            "sha256sums",
            "tool.sigstore.json",
            "release.json",
            "release",
            "verify.md",
            "sbom.cdx.json",
            "sub/SHA256SUMS",
        ] {
            assert!(!is_reserved(name), "{name}");
        }
    }

    #[test]
    fn what_the_manifest_leaves_out_are_names_and_no_patterns() {
        let bundles = || ["release.sigstore.json".to_owned()].into_iter();
        let shortest = beside_tree(false, false, bundles());
        let wanted = [
            "SHA256SUMS",
            "SHA256SUMS.sigstore.json",
            "release.sigstore.json",
            "release.tree",
        ];
        assert_eq!(shortest.iter().collect::<Vec<_>>(), wanted);
        let longest = beside_tree(true, true, bundles());
        let more: Vec<&String> = longest.difference(&shortest).collect();
        assert_eq!(more, ["SHA256SUMS.asc", "SHA256SUMS.sig"]);
    }

    #[test]
    fn every_name_we_write_is_reserved() {
        for stem in ["release", "provenance", "sbom"] {
            assert!(is_reserved(&bundle_name(stem, 1, 1)));
            assert!(is_reserved(&bundle_name(stem, 11, 11)));
        }
    }
}
