//! `release.tree`, the manifest that is signed with a release: are the files those that it names?
//!
//! That it is signed is decided like that of every other file. Modes are in it alone: an archive keeps
//! none, so that nothing can be compared with them.

use std::collections::{BTreeMap, BTreeSet};

use attest_archive::{ArchiveError, Deletion, Kept, Member};
use attest_digest::{Algorithm, Artifact, Digest, Hashes, RelativePath};
use attest_provenance::ReleaseName;
use attest_provenance::predicate::tree::{self, TreeClaim};
use attest_provenance::tree::{TreeContent, TreeEntry, TreeError, TreeReader};

use super::is_damage;
use crate::command::tree::{LeftOut, contradiction};
use crate::command::verify::Shelf;
use crate::failure::{Exit, with_source};
use crate::limits;
use crate::report::{FileReport, Refusal, SubjectReport, Verdict};
use crate::words::counted;

/// What it is called, at the release's top.
pub(super) const NAME: &str = "release.tree";

/// A file of a release, with the digests that are known of it.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) size: u64,
    pub(super) digests: Vec<Digest>,
}

/// Compares the files of a release with its manifest, if it has one, and says what was compared.
pub(super) fn judge(
    release: &dyn Kept,
    observed: &BTreeMap<Digest, Artifact>,
    deletion: Option<&Deletion>,
    shelf: &Shelf,
    subject: &mut SubjectReport,
) {
    let named = |it: &&Member| it.path().as_str() == NAME;
    // Of what is refused already nothing more is asked.
    let member = release.members().iter().find(named);
    let Some(member) = member.filter(|_| subject.exit() == Exit::Yes) else {
        return;
    };
    let bytes = match release.unverified_bytes(member.path(), limits::RELEASE_TREE_BYTES) {
        Ok(bytes) => bytes,
        Err(ArchiveError::TooLarge { found, .. }) => {
            return subject.reasons.push(too_large(found));
        }
        Err(error) => return unreadable(&error, subject),
    };
    let held = release.members().iter().map(|it| {
        let gone = deletion.is_some_and(|of| of.artifacts().contains(&it.digest()));
        let beside = observed.get(&it.digest()).filter(|_| !gone);
        let digests = [Some(it.digest()), beside.and_then(Artifact::sha512)];
        let held = Held {
            size: it.size(),
            digests: digests.into_iter().flatten().collect(),
        };
        (it.path().clone(), held)
    });
    compare(release.name(), &bytes, held.collect(), shelf, subject);
}

/// Compares files with the manifest of these bytes, and what statements say of it.
pub(super) fn compare(
    release: &ReleaseName,
    manifest: &[u8],
    held: BTreeMap<RelativePath, Held>,
    shelf: &Shelf,
    subject: &mut SubjectReport,
) {
    // Evidence that came later: it exempts itself, as in every folder.
    let later = |it: &&FileReport| matches!(it.verdict, Verdict::Evidence(_));
    let evidence = subject.files.iter().filter(later);
    let evidence: BTreeSet<String> = evidence.map(|it| it.path.clone()).collect();
    match read(release, manifest, held, &evidence) {
        Ok(said) if said.claim.release.is_none() => subject.notes.push(format!(
            "{NAME} names no release: it is a file like the others, and they were not compared with it"
        )),
        Ok(said) => {
            let reasons = statements(manifest, &said.claim, shelf);
            if said.findings.is_empty() && reasons.is_empty() {
                subject.notes.push(said.words());
            }
            subject.reasons.extend(said.findings);
            subject.reasons.extend(reasons);
        }
        Err(error) => subject.reasons.push(Refusal {
            code: error.code(),
            found: with_source(&error),
            wanted: "a manifest in tree/v0.1".to_owned(),
        }),
    }
}

/// What a manifest says, and how the files differ from it.
struct Said {
    claim: TreeClaim,
    files: usize,
    /// Files that anybody may run.
    programs: usize,
    /// Files that run as their owner.
    setuid: Vec<String>,
    findings: Vec<Refusal>,
}

impl Said {
    fn words(&self) -> String {
        let setuid = match self.setuid.as_slice() {
            [] => String::new(),
            paths => format!("; with setuid or setgid: {}", some_of(paths)),
        };
        format!(
            "{NAME} names these {} with size and digests; by their modes {} of them can be run{setuid}",
            counted(self.files, "file"),
            self.programs,
        )
    }
}

fn read(
    release: &ReleaseName,
    manifest: &[u8],
    mut held: BTreeMap<RelativePath, Held>,
    evidence: &BTreeSet<String>,
) -> Result<Said, TreeError> {
    let mut reader = TreeReader::new(manifest)?;
    let left_out = LeftOut::of(reader.header()).unwrap_or_default();
    let (mut missing, mut different) = (Vec::new(), Vec::new());
    let (mut files, mut programs, mut setuid) = (0, 0, Vec::new());
    while let Some(entry) = reader.next()? {
        if entry.content == TreeContent::Directory {
            continue;
        }
        files += 1;
        let mode = entry.mode.unwrap_or_default();
        programs += usize::from(mode & 0o111 != 0);
        if mode & 0o6000 != 0 {
            setuid.push(entry.shown_path().to_owned());
        }
        match entry.path.as_ref().and_then(|path| held.remove(path)) {
            None => missing.push(entry.shown_path().to_owned()),
            Some(file) if is_same(&entry, &file) => {}
            Some(_) => different.push(entry.shown_path().to_owned()),
        }
    }
    let extra = held.keys().map(ToString::to_string);
    let extra: Vec<String> = extra
        .filter(|it| !left_out.covers(it) && !evidence.contains(it))
        .collect();
    let claim = TreeClaim {
        release: reader.header().release.clone(),
        summary: reader.summary(),
    };
    let others = claim.release.as_ref().filter(|it| *it != release);
    let findings = [
        (
            OTHER_RELEASE,
            others.map(ToString::to_string).into_iter().collect(),
            format!("the manifest of {release}"),
        ),
        (MISSING, missing, "each file that it names".to_owned()),
        (EXTRA, extra, "only files that it names".to_owned()),
        (
            MISMATCH,
            different,
            "files with the size and the digests that it names".to_owned(),
        ),
    ];
    let findings = findings
        .into_iter()
        .filter(|(_, paths, _)| !paths.is_empty())
        .map(|(code, paths, wanted)| Refusal {
            code,
            found: some_of(&paths),
            wanted,
        });
    Ok(Said {
        findings: findings.collect(),
        claim,
        files,
        programs,
        setuid,
    })
}

/// A file with that size, and each digest of which both know the algorithm: SHA-256 they do.
fn is_same(entry: &TreeEntry, file: &Held) -> bool {
    let TreeContent::File { size, digests } = &entry.content else {
        return false;
    };
    let same = |wanted: &Digest| {
        let mut found = file.digests.iter();
        let found = found.find(|it| it.algorithm() == wanted.algorithm());
        found.is_none_or(|found| found == wanted)
    };
    let knows = |it: &[Digest]| it.iter().any(|it| it.algorithm() == Algorithm::Sha256);
    *size == file.size && knows(digests) && knows(&file.digests) && digests.iter().all(same)
}

/// Proven statements about the manifest that say something else of it than it says.
fn statements(manifest: &[u8], claim: &TreeClaim, shelf: &Shelf) -> Vec<Refusal> {
    let sha256 = Artifact::of_bytes(manifest, Hashes::Sha256).sha256();
    let proven = shelf
        .proven()
        .filter_map(attest_verify::Evidence::statement);
    let about = proven.filter(|it| {
        let mut subjects = it.subjects().iter();
        it.predicate_type() == tree::TYPE
            && subjects.any(|it| it.digests().get(Algorithm::Sha256) == Some(&sha256))
    });
    about.filter_map(|it| contradiction(it, claim)).collect()
}

pub(super) fn too_large(found: u64) -> Refusal {
    Refusal {
        code: "release-tree-too-large",
        found: format!("{found} bytes"),
        wanted: format!("at most {} bytes", limits::RELEASE_TREE_BYTES),
    }
}

/// Damage stands among the problems of the release already; else nobody knows what is in it.
fn unreadable(error: &ArchiveError, subject: &mut SubjectReport) {
    let mut files = subject.files.iter_mut();
    if let Some(file) = files.find(|it| it.path == NAME)
        && !is_damage(error)
        && !matches!(error, ArchiveError::FileChanged { .. })
    {
        file.verdict = Verdict::Unreadable(Refusal {
            code: error.code(),
            found: with_source(error),
            wanted: "the manifest that was archived".to_owned(),
        });
    }
}

/// The first few, and how many more.
pub(super) fn some_of(paths: &[String]) -> String {
    let shown: Vec<&str> = paths.iter().take(SHOWN).map(String::as_str).collect();
    match paths.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

const SHOWN: usize = 8;
pub(super) const OTHER_RELEASE: &str = "release-tree-other-release";
const MISSING: &str = "release-tree-missing";
const EXTRA: &str = "release-tree-extra";
const MISMATCH: &str = "release-tree-mismatch";

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = concat!(
        r#"{"type":"https://attest.dev/tree/v0.1","release":"hello@1.0.0","digests":["sha256"],"#,
        r#""attributes":["mode"],"xattrs":[],"ignore":["release.tree"]}"#,
        "\n",
        r#"{"path":".","type":"directory","mode":"0755"}"#,
        "\n",
        r#"{"path":"a","type":"file","mode":"0644","size":5,"sha256":"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"}"#,
        "\n",
        r#"{"path":"b","type":"file","mode":"4755","size":5,"sha256":"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"}"#,
        "\n",
        r#"{"entries":3,"bytes":10}"#,
        "\n",
    );

    /// The codes of what differs, with what was found, and what people read.
    fn asked(manifest: &str, files: &[(&str, &[u8])]) -> Vec<(&'static str, String)> {
        let held = files.iter().map(|(path, bytes)| {
            let artifact = Artifact::of_bytes(bytes, Hashes::Sha256AndSha512);
            let held = Held {
                size: artifact.size(),
                digests: artifact.digests().collect(),
            };
            (RelativePath::parse(path).unwrap(), held)
        });
        let release = ReleaseName::parse("hello@1.0.0").unwrap();
        let mut subject = SubjectReport::new(String::new(), "archived-release");
        let bytes = manifest.as_bytes();
        compare(&release, bytes, held.collect(), &Shelf::new(), &mut subject);
        let reasons = subject.reasons.into_iter();
        let said = reasons.map(|it| (it.code, it.found));
        said.chain(subject.notes.into_iter().map(|it| ("", it)))
            .collect()
    }

    const FILES: [(&str, &[u8]); 3] = [("a", b"hello"), ("b", b"hello"), ("release.tree", b"x")];

    #[test]
    fn a_release_that_is_what_its_manifest_says_is_told_with_its_programs() {
        let said = asked(TREE, &FILES);
        assert_eq!(said.len(), 1, "{said:?}");
        let wanted = "release.tree names these 2 files with size and digests; by their modes 1 of them can be run; with setuid or setgid: b";
        assert_eq!(said[0], ("", wanted.to_owned()));
    }

    #[test]
    fn each_difference_has_its_code_and_names_the_file() {
        let [a, b, tree] = FILES;
        for (files, code, path) in [
            (vec![a, tree], MISSING, "b"),
            (vec![a, b, ("c", b"hello"), tree], EXTRA, "c"),
            (vec![a, ("b", b"hellp"), tree], MISMATCH, "b"),
            (vec![a, ("b", b"hello!"), tree], MISMATCH, "b"),
        ] {
            assert_eq!(asked(TREE, &files), [(code, path.to_owned())]);
        }
        let other = TREE.replace("hello@1.0.0", "hello@1.0.1");
        let wanted = (OTHER_RELEASE, "hello@1.0.1".to_owned());
        assert_eq!(asked(&other, &FILES), [wanted]);
        let link = TREE.replace(
            r#""type":"file","mode":"4755","size":5,"sha256":"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824""#,
            r#""type":"symlink","target":"a""#,
        );
        let link = link.replace(r#""bytes":10"#, r#""bytes":5"#);
        assert_eq!(asked(&link, &FILES), [(MISMATCH, "b".to_owned())]);
    }

    #[test]
    fn both_digests_have_to_agree() {
        let both = TREE
            .replace(r#"["sha256"]"#, r#"["sha256","sha512"]"#)
            .replace(
                "9824\"}",
                &format!("9824\",\"sha512\":\"{}\"}}", "0".repeat(128)),
            );
        assert_eq!(asked(&both, &FILES), [(MISMATCH, "a, b".to_owned())]);
    }

    #[test]
    fn a_manifest_that_names_no_release_is_a_file_like_the_others() {
        let own = TREE.replace(r#""release":"hello@1.0.0","#, "");
        let [a, b, tree] = FILES;
        let said = asked(&own, &[a, b, ("c", b"hello"), tree]);
        let [("", note)] = &said[..] else {
            panic!("{said:?}")
        };
        assert!(note.contains("not compared"), "{note}");
    }

    #[test]
    fn a_manifest_that_was_cut_is_none() {
        let cut = TREE.replace("{\"entries\":3,\"bytes\":10}\n", "");
        assert_eq!(asked(&cut, &FILES)[0].0, "tree-manifest-incomplete");
    }
}
