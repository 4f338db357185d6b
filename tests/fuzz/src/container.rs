//! Archives.

use attest_digest::{
    Hashes, MemberKind, Profile, colliding_names, link_target, read_container_bytes,
};

use crate::Outcome;

/// An archive's names stay inside, each stands once, and its links lead to names inside; what is read as
/// one of ours is read as the same by the rules for others.
pub fn container(data: &[u8]) -> Outcome {
    let foreign = read_container_bytes(data, Profile::Foreign, Hashes::Sha256);
    if let Ok(ours) = read_container_bytes(data, Profile::Canonical, Hashes::Sha256) {
        let foreign = foreign.as_ref().expect("ours is one that is taken");
        assert_eq!(&ours, foreign);
    }
    let Ok(listing) = foreign else {
        return Outcome::Refused;
    };
    assert_eq!(listing.container().size(), data.len() as u64);
    let mut names = Vec::new();
    for member in listing.members() {
        let name = member.path().as_str();
        assert!(!name.starts_with('/') && !name.contains('\\'));
        assert!(name.split('/').all(|it| !matches!(it, "" | "." | "..")));
        assert_eq!(member.mode() & !0o777, 0);
        match member.kind() {
            MemberKind::Folder => continue,
            MemberKind::Link { target } => {
                assert!(link_target(member.path(), target).is_some());
            }
            _ => {}
        }
        names.push(name);
    }
    assert_eq!(colliding_names(names), None);
    Outcome::Read
}
