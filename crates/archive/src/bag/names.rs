//! The names in a bag.

use attest_digest::{NameProblem, RelativePath};
use attest_provenance::ReleaseName;

use crate::error::{ArchiveError, Malformed};

/// The version of the bag's form, in `bag-info.txt`. Any change of any derived byte is a new one.
pub const BAG_FORMAT: &str = "1";

pub(super) const README: &str = "README.txt";
pub(super) const VERIFY: &str = "VERIFY.md";
pub(super) const BAGIT: &str = "bagit.txt";
pub(super) const INFO: &str = "bag-info.txt";
/// The manifest of the release as a tree, with modes, among its files.
pub(crate) const RELEASE_TREE: &str = "release.tree";
pub(super) const PAYLOAD: &str = "data";
pub(super) const RELEASE_MANIFEST: &str = "archive/manifest.json";
pub(super) const AUTHORITIES: &str = "time/chain.pem";

/// The bytes of `bagit.txt`.
pub(super) const BAGIT_TEXT: &str = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";

/// How a bag of this release is called: `NAME-VERSION`, with `_` for what a folder's name cannot have
/// everywhere. A name for people: the release is named inside.
///
/// ```text
/// hello@1.0.0          hello-1.0.0
/// @scope/tool@2.0~rc1  _scope_tool-2.0_rc1
/// ```
pub fn bag_name(release: &ReleaseName) -> String {
    let plain = |it: char| it.is_ascii_alphanumeric() || "._+-".contains(it);
    let part = |text: &str| -> String {
        text.chars()
            .map(|it| if plain(it) { it } else { '_' })
            .collect()
    };
    let name = format!("{}-{}", part(release.name()), part(release.version()));
    // A folder that is hidden, or that some systems shorten, would be found by nobody.
    let name = name.trim_end_matches('.').to_owned();
    if name.starts_with('.') || name.starts_with('-') {
        format!("_{name}")
    } else {
        name
    }
}

/// A path in the bag.
pub(super) fn path(text: &str) -> Result<RelativePath, ArchiveError> {
    RelativePath::parse(text).map_err(|problem| refused(text, problem))
}

/// Where a file of the release stands.
pub(super) fn payload(member: &RelativePath) -> Result<RelativePath, ArchiveError> {
    path(&format!("{PAYLOAD}/{member}"))
}

fn refused(text: &str, problem: NameProblem) -> ArchiveError {
    ArchiveError::BagName {
        source: Malformed::Name {
            found: text.to_owned(),
            problem,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bag_is_called_like_its_release() {
        for (release, name) in [
            ("hello@1.0.0", "hello-1.0.0"),
            ("org/tool@2026.1+build.7", "org_tool-2026.1+build.7"),
            ("@scope/tool@2.0~rc1", "_scope_tool-2.0_rc1"),
            ("tool@1.", "tool-1"),
        ] {
            assert_eq!(bag_name(&ReleaseName::parse(release).unwrap()), name);
        }
    }
}
