//! What each file of a release is there for: as this run verified it. The role that a manifest gives it is
//! nobody's word, and is believed nowhere where something follows from it.

use std::collections::{BTreeMap, BTreeSet};

use attest_archive::{Kept, Member, Role};
use attest_digest::{Digest, RelativePath};

use super::about::About;
use super::bills;
use super::release_tree::{self, some_of};
use crate::command::verify::archived::{self, is_trust_name};
use crate::command::verify::{Session, Shelf, signed_name};
use crate::failure::Exit;
use crate::report::{Refusal, SubjectReport, Verdict};

/// What a file is there for, by its verdict and the names that releases have.
pub(super) fn role(path: &RelativePath, verdict: &Verdict, is_bill: bool) -> Role {
    match (by_name(path), verdict) {
        _ if is_bill => Role::Sbom,
        (Some(role @ (Role::Trust | Role::Evidence)), _) => role,
        (_, Verdict::Evidence(_)) if is_trust_name(path) => Role::Trust,
        (_, Verdict::Evidence(_)) => Role::Evidence,
        (role, _) => role.unwrap_or(Role::Artifact),
    }
}

/// The role of a file that no other file of a release is called like.
fn by_name(path: &RelativePath) -> Option<Role> {
    match path.as_str() {
        "release.pub" | archived::TRUSTED_ROOT => Some(Role::Trust),
        release_tree::NAME => Some(Role::Evidence),
        SUMS => Some(Role::Checksums),
        "VERIFY.md" => Some(Role::Guide),
        _ => None,
    }
}

/// The roles that verified files of a release have. Trust is the key of an accepted signer, or a trusted root:
/// what is called so and is neither proves nothing to anybody.
pub(super) fn proven(
    release: &dyn Kept,
    session: &Session,
    subject: &SubjectReport,
    bills: &BTreeSet<RelativePath>,
) -> BTreeSet<Role> {
    let files = subject.files.iter();
    let verified =
        files.filter(|it| matches!(it.verdict, Verdict::Verified | Verdict::Evidence(_)));
    let roles = verified.filter_map(|file| {
        let path = RelativePath::parse(&file.path).ok()?;
        let role = role(&path, &file.verdict, bills.contains(&path));
        (role != Role::Trust || archived::is_trust(release, &path, session)).then_some(role)
    });
    roles.collect()
}

/// Refuses a release that is to be kept with other roles than its files have: the manifest is its identity, and
/// the genuine one could not be kept any more.
pub(super) fn judge(
    release: &dyn Kept,
    session: &Session,
    shelf: &Shelf,
    subject: &mut SubjectReport,
) {
    let members = release.members().iter();
    let about = About::of(shelf, session, members.clone().map(Member::digest));
    let bills = match bills::of(release, &about) {
        Ok(bills) => bills,
        // Damage stands among the problems of the release already.
        Err(failure) if failure.exit == Exit::No => return,
        Err(failure) => {
            let refusal = Refusal {
                code: failure.code,
                found: failure.message,
                wanted: "the list of components, read".to_owned(),
            };
            return subject.could_not_tell("(roles)", refusal);
        }
    };
    let named: BTreeSet<(Option<String>, Option<Digest>)> = about
        .documents()
        .map(|document| (document.name, document.sha256))
        .collect();
    let verdicts: BTreeMap<&str, &Verdict> = subject
        .files
        .iter()
        .map(|file| (file.path.as_str(), &file.verdict))
        .collect();
    let wrong = members.filter_map(|member| {
        let path = member.path();
        let derived = role(path, verdicts.get(path.as_str())?, bills.contains(path));
        let is_named = named.contains(&(Some(path.to_string()), Some(member.digest())));
        let is_right = fits(path, member.role(), derived, is_named);
        (!is_right).then(|| {
            (
                format!("{path} as {}", member.role()),
                format!("{path} as {derived}"),
            )
        })
    });
    let (found, wanted): (Vec<String>, Vec<String>) = wrong.unzip();
    if !found.is_empty() {
        subject.reasons.push(Refusal {
            code: "release-role-mismatch",
            found: some_of(&found),
            wanted: some_of(&wanted),
        });
    }
}

/// Whether an attest, this one or one before, can have given a file this role.
fn fits(path: &RelativePath, given: Role, derived: Role, is_named: bool) -> bool {
    match (given, derived) {
        // What a statement refers to was a bill of materials once, whatever it was called; and statements can
        // have come later.
        (Role::Sbom, Role::Artifact) => is_named,
        (Role::Artifact, Role::Sbom) => true,
        // `attest release` makes it, and lists it like a file.
        (Role::Evidence, Role::Artifact) => path.as_str() == SUMS_OPENPGP,
        // Before releases had a manifest of their files.
        (Role::Artifact, Role::Evidence) => path.as_str() == release_tree::NAME,
        _ => given == derived,
    }
}

/// The files that are no artifacts, whoever made them and whatever the manifest says: what is evidence by its
/// form and place, what only one file of a release is called, and what the expected signer calls a bill of
/// materials. A bundle that nobody can read may be one.
pub(super) fn spared(release: &dyn Kept, session: &Session) -> BTreeSet<Digest> {
    let mut shelf = Shelf::new();
    let mut spared = archived::prove_statements(release, session, &mut shelf);
    let members = release.members();
    let names: BTreeSet<&str> = members.iter().map(|it| it.path().as_str()).collect();
    let is_spared = |path: &RelativePath| {
        let signs = || signed_name(path.as_str()).is_some_and(|it| names.contains(it));
        let is_bundle = || archived::is_top_bundle(path);
        by_name(path).is_some() || (path.parent().is_none() && !is_bundle() && signs())
    };
    let others = members.iter().filter(|it| is_spared(it.path()));
    spared.extend(others.map(Member::digest));
    let about = About::of(&shelf, session, members.iter().map(Member::digest));
    spared.extend(bills::called(&about).into_keys());
    spared
}

const SUMS: &str = "SHA256SUMS";
const SUMS_OPENPGP: &str = "SHA256SUMS.asc";

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RelativePath {
        RelativePath::parse(text).unwrap()
    }

    #[test]
    fn a_role_is_what_was_verified_under_the_names_of_a_release() {
        let evidence = || Verdict::Evidence("evidence".to_owned());
        for (name, verdict, wanted) in [
            ("hello", Verdict::Verified, Role::Artifact),
            ("hello.pub", Verdict::Verified, Role::Artifact),
            ("hello.pub", evidence(), Role::Trust),
            ("hello.sigstore.json", Verdict::Verified, Role::Artifact),
            ("hello.sigstore.json", evidence(), Role::Evidence),
            ("release.pub", Verdict::Verified, Role::Trust),
            ("trusted_root.json", evidence(), Role::Trust),
            ("release.tree", Verdict::Verified, Role::Evidence),
            ("SHA256SUMS", Verdict::Verified, Role::Checksums),
            ("VERIFY.md", Verdict::Verified, Role::Guide),
            ("sub/SHA256SUMS", Verdict::Verified, Role::Artifact),
        ] {
            assert_eq!(role(&path(name), &verdict, false), wanted, "{name}");
        }
        assert_eq!(role(&path("hello"), &Verdict::Verified, true), Role::Sbom);
    }

    #[test]
    fn only_what_an_attest_has_written_fits() {
        for (name, given, derived, is_named, wanted) in [
            ("a", Role::Artifact, Role::Artifact, false, true),
            ("a", Role::Sbom, Role::Artifact, true, true),
            ("a", Role::Sbom, Role::Artifact, false, false),
            ("a", Role::Artifact, Role::Sbom, true, true),
            ("a", Role::Evidence, Role::Artifact, true, false),
            (
                "SHA256SUMS.asc",
                Role::Evidence,
                Role::Artifact,
                false,
                true,
            ),
            (
                "a.sigstore.json",
                Role::Artifact,
                Role::Evidence,
                false,
                false,
            ),
            ("release.tree", Role::Artifact, Role::Evidence, false, true),
            ("release.pub", Role::Artifact, Role::Trust, false, false),
            ("a", Role::Trust, Role::Artifact, false, false),
            ("a", Role::Guide, Role::Artifact, false, false),
            ("a", Role::Checksums, Role::Artifact, false, false),
            ("VERIFY.md", Role::Artifact, Role::Guide, false, false),
        ] {
            let fits = fits(&path(name), given, derived, is_named);
            assert_eq!(fits, wanted, "{name}: {given} for {derived}");
        }
    }
}
