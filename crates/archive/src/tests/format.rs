//! The page that describes the format names what the code writes.

use crate::bag::BAG_FORMAT;
use crate::layout::{
    ARCHIVE_FORMAT, FORMAT, INDEX_TYPE, LAYOUT, LAYOUT_VERSION, MANIFEST_TYPE, REFERENCE,
    RELEASE_NAME, RELEASE_PURL, RELEASE_SUMS, RELEASE_TYPE, RELEASE_VERSION, ROLE, TITLE, VERSION,
};
use crate::role::{Role, media_type};

const PAGE: &str = include_str!("../../../../docs/archive-format.md");

#[test]
fn every_name_of_the_format_is_in_its_page() {
    for name in [
        LAYOUT,
        INDEX_TYPE,
        MANIFEST_TYPE,
        RELEASE_TYPE,
        crate::layout::EMPTY_TYPE,
        REFERENCE,
        TITLE,
        VERSION,
        ROLE,
        RELEASE_NAME,
        RELEASE_VERSION,
        RELEASE_PURL,
        RELEASE_SUMS,
        FORMAT,
    ] {
        assert!(PAGE.contains(name), "{name}");
    }
    for (what, version) in [
        ("the image layout", LAYOUT_VERSION),
        ("the index", ARCHIVE_FORMAT),
        ("a release's manifest", RELEASE_TYPE),
        ("the bag", BAG_FORMAT),
    ] {
        let line = PAGE
            .lines()
            .find(|line| line.starts_with(&format!("| {what} |")));
        assert!(
            line.is_some_and(|it| it.ends_with(&format!("| `{version}` |"))),
            "{what}: {line:?}"
        );
    }
}

#[test]
fn every_role_and_media_type_is_in_its_page() {
    for role in Role::ALL {
        let line = format!("| `{role}` |");
        let line = PAGE.lines().find(|it| it.starts_with(&line));
        for name in [
            "x.sigstore.json",
            "x.cdx.json",
            "x.spdx.json",
            "x.pub",
            "x.md",
            "SHA256SUMS",
            "trusted_root.json",
        ] {
            let path = attest_digest::RelativePath::parse(name).unwrap();
            let found = media_type(role, &path);
            let is_said = line.is_some_and(|line| line.contains(&format!("`{found}`")));
            assert!(
                is_said || found == "application/octet-stream",
                "{role}: {found}"
            );
        }
    }
}
