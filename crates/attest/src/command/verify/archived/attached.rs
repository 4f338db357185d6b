//! Bundles that were attached as evidence after the release was kept. What they say is proven like everything
//! else, and which release this is they do not decide.
//!
//! 1. Each file is read by itself: one that cannot be read hides no other, and nobody can tell what it says.
//! 2. Only files that are called like bundles are read, and the same bytes once.
//! 3. A statement is verified at once: of one that does not count nothing is held.

use std::collections::BTreeSet;
use std::path::PathBuf;

use attest_archive::{ArchiveError, AttachedFile, AttachedFiles, AttachmentKind, Kept};
use attest_digest::Digest;

use super::super::Session;
use super::super::evidence::is_bundle_name;
use super::super::folder::Loaded;
use super::super::shelf::Shelf;
use super::{ATTACHED, too_large};
use crate::failure::with_source;
use crate::limits::{ATTACHED_EVIDENCE_BYTES, ATTACHED_SIGNATURES_BYTES};
use crate::report::{Refusal, SubjectReport};

/// The attached evidence of one release.
#[derive(Default)]
pub(super) struct Attached {
    loaded: Vec<Loaded>,
    /// What was read and says the same under each name.
    done: BTreeSet<Digest>,
    /// Bytes of those that are held: statements that are proven, and signatures over files.
    statements: u64,
    signatures: u64,
    /// Why some of it was not looked at.
    too_much: Option<Refusal>,
}

impl Attached {
    pub(super) fn load(release: &dyn Kept, session: &Session, shelf: &mut Shelf) -> Self {
        let mut attached = Self::default();
        for attachment in release.attached_as(&AttachmentKind::Evidence) {
            match attachment {
                Ok(attachment) => {
                    for file in &attachment.files {
                        attached.read(release, &attachment, file, session, shelf);
                    }
                }
                Err(error) => {
                    let place = place(release, "evidence");
                    let pieces = shelf.take(&place, Err(unread(&error)));
                    attached.add(&place, &pieces);
                }
            }
        }
        attached
    }

    /// The pieces: none of them may approve.
    pub(super) fn pieces(&self) -> impl Iterator<Item = Loaded> {
        self.loaded.iter().cloned()
    }

    /// What was not looked at could say no: too much of it is a no, what could not be read is neither.
    pub(super) fn tell(self, taken: &Shelf, report: &mut SubjectReport) {
        report.reasons.extend(self.too_much);
        for one in self.loaded {
            if taken.is_unreadable(one.index)
                && let Some(refusal) = taken.refusals(one.index).pop()
            {
                let name = taken.place(one.index);
                report.could_not_tell(&format!("{ATTACHED}/{name}"), refusal);
            }
        }
    }

    fn read(
        &mut self,
        release: &dyn Kept,
        attachment: &AttachedFiles,
        file: &AttachedFile,
        session: &Session,
        taken: &mut Shelf,
    ) {
        let name = file.path().file_name();
        if !is_bundle_name(name) || self.done.contains(&file.digest()) || self.too_much.is_some() {
            return;
        }
        let place = place(release, file.path().as_str());
        let bytes = release.attached_bytes(attachment, file, LIMIT);
        let pieces = taken.take(&place, bytes.map_err(|error| unread(&error)));
        // What signs a file is over the one that it is called after: by another name it is something else.
        let is_over =
            |taken: &Shelf, it: usize| !taken.is_statement(it) && taken.refusals(it).is_empty();
        for piece in &pieces {
            taken.prove_statement(*piece, session);
        }
        if pieces.iter().any(|it| is_over(taken, *it)) {
            self.signatures = self.signatures.saturating_add(file.size());
        } else {
            self.done.insert(file.digest());
        }
        if pieces.iter().any(|it| taken.evidence(*it).is_some()) {
            self.statements = self.statements.saturating_add(file.size());
        }
        let sums = [
            (self.signatures, ATTACHED_SIGNATURES_BYTES),
            (self.statements, ATTACHED_EVIDENCE_BYTES),
        ];
        if let Some((held, most)) = sums.into_iter().find(|(held, most)| held > most) {
            let refusal = too_much(held, most);
            for piece in &pieces {
                taken.refuse(*piece, refusal.clone());
            }
            self.too_much = Some(refusal);
            return;
        }
        self.add(&place, &pieces);
    }

    fn add(&mut self, place: &std::path::Path, pieces: &[usize]) {
        self.loaded.extend(pieces.iter().map(|index| Loaded {
            index: *index,
            path: place.to_owned(),
            name: None,
            approves: false,
            is_named: false,
            is_anothers: false,
        }));
    }
}

fn place(release: &dyn Kept, name: &str) -> PathBuf {
    PathBuf::from(format!("{}/{ATTACHED}/{name}", release.name()))
}

/// Why a file was not read. Damage stands among the problems of the release besides.
fn unread(error: &ArchiveError) -> Refusal {
    match error {
        ArchiveError::TooLarge { found, limit, .. } => too_large(*found, *limit),
        _ => Refusal {
            code: "bundle-unreadable",
            found: with_source(error),
            wanted: "the evidence that was attached".to_owned(),
        },
    }
}

fn too_much(held: u64, most: u64) -> Refusal {
    Refusal {
        code: "bundle-too-large",
        found: format!("{held} bytes of evidence that was attached"),
        wanted: format!("at most {most} bytes of all of it"),
    }
}

const LIMIT: u64 = attest_verify::limits::BUNDLE_BYTES as u64;

#[cfg(test)]
mod tests {
    use std::io;

    use attest_archive::{
        AttachedAs, AttachedFileInput, AttachmentInput, Member, MemberInput, Reader, Release,
        ReleaseInput, Role, Source, Store,
    };
    use attest_digest::{Artifact, Hashes, RelativePath};
    use attest_policy::Policy;
    use attest_provenance::ReleaseName;
    use attest_verify::{Accept, ExpectedSigner, PublicKey, Verifier};
    use tempfile::TempDir;

    use super::*;
    use crate::failure::Exit;
    use crate::trust::Trust;

    /// A release of which files of that name cannot be read.
    struct Failing<'r> {
        release: Release<'r>,
        name: &'static str,
    }

    impl Kept for Failing<'_> {
        fn name(&self) -> &ReleaseName {
            self.release.name()
        }

        fn members(&self) -> &[Member] {
            self.release.members()
        }

        fn unverified_bytes(
            &self,
            path: &RelativePath,
            limit: u64,
        ) -> Result<Vec<u8>, ArchiveError> {
            self.release.unverified_bytes(path, limit)
        }

        fn observe(&self, path: &RelativePath, hashes: Hashes) -> Result<Artifact, ArchiveError> {
            self.release.observe(path, hashes)
        }

        fn attached_as<'k>(&'k self, kind: &AttachmentKind) -> AttachedAs<'k> {
            self.release.attached_as(kind)
        }

        fn attached_bytes(
            &self,
            attachment: &AttachedFiles,
            file: &AttachedFile,
            limit: u64,
        ) -> Result<Vec<u8>, ArchiveError> {
            if file.path().as_str() != self.name {
                return self.release.attached_bytes(attachment, file, limit);
            }
            Err(ArchiveError::Io {
                action: "read",
                path: self.name.into(),
                source: io::Error::from(io::ErrorKind::OutOfMemory),
            })
        }
    }

    fn path(text: &str) -> RelativePath {
        RelativePath::parse(text).unwrap()
    }

    /// An archive with a release, to which these files were attached one after the other.
    fn archive(files: &[(&str, &[u8])]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::init(&folder.path().join("archive")).unwrap();
        let name = ReleaseName::parse("hello@1").unwrap();
        let member = MemberInput {
            path: path("a.txt"),
            role: Role::Artifact,
            source: Source::Bytes(b"alpha"),
            expected: None,
        };
        let release = ReleaseInput {
            name: name.clone(),
            members: vec![member],
        };
        store.add(&release).unwrap();
        for (number, (file, bytes)) in files.iter().enumerate() {
            let attachment = AttachmentInput {
                subject: Some(name.clone()),
                kind: AttachmentKind::Evidence,
                created: format!("2026-01-01T00:00:{number:02}Z").parse().unwrap(),
                files: vec![AttachedFileInput {
                    path: path(file),
                    media_type: "application/octet-stream".to_owned(),
                    source: Source::Bytes(bytes),
                    expected: None,
                }],
            };
            store.attach(&attachment).unwrap();
        }
        folder
    }

    fn session() -> Session {
        let key = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../fixtures/dialects/cosign/key.pub"
        );
        let key = PublicKey::parse(&std::fs::read(key).unwrap()).unwrap();
        let trust = Trust {
            signers: ExpectedSigner::Key(key).into(),
            groups: None,
            roots: Vec::new(),
            keeping: Vec::new(),
            lines: Vec::new(),
            pinned: std::collections::BTreeMap::new(),
            heard: Vec::new(),
        };
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let verifier = Verifier::new(Vec::new(), now, Accept::default()).unwrap();
        let policy = Policy::expecting(trust.signers.clone());
        Session::new(verifier, policy, trust)
    }

    /// The codes of each piece by its name, the exit code and the codes of what is told of the release.
    type Said = (Vec<(String, &'static str)>, Exit, Vec<&'static str>);

    fn asked(files: &[(&str, &[u8])], broken: &'static str) -> Said {
        let folder = archive(files);
        let reader = Reader::open(&folder.path().join("archive")).unwrap();
        let name = ReleaseName::parse("hello@1").unwrap();
        let release = Failing {
            release: reader.find(&name).unwrap().unwrap(),
            name: broken,
        };
        let mut shelf = Shelf::new();
        let attached = Attached::load(&release, &session(), &mut shelf);
        let code = |it: usize| shelf.refusals(it).first().map_or("", |it| it.code);
        let pieces = attached.pieces();
        let pieces = pieces.map(|it| (shelf.place(it.index), code(it.index)));
        let pieces = pieces.collect();
        let mut report = SubjectReport::new("hello@1".to_owned(), super::super::KIND);
        attached.tell(&shelf, &mut report);
        let told = report.reasons.iter().map(|it| it.code).collect();
        (pieces, report.exit(), told)
    }

    fn named(pieces: &[(&str, &'static str)]) -> Vec<(String, &'static str)> {
        let owned = pieces
            .iter()
            .map(|(name, code)| ((*name).to_owned(), *code));
        owned.collect()
    }

    #[test]
    fn what_cannot_be_read_hides_no_other_evidence_and_could_say_no() {
        let files: [(&str, &[u8]); 2] = [("a.sigstore.json", b"{}"), ("b.sigstore.json", b"[]")];
        let (pieces, exit, told) = asked(&files, "a.sigstore.json");
        let wanted = [
            ("a.sigstore.json", "bundle-unreadable"),
            ("b.sigstore.json", "dialect-unknown"),
        ];
        assert_eq!(pieces, named(&wanted));
        assert_eq!((exit, told), (Exit::Unknown, vec![]));
    }

    #[test]
    fn what_is_no_evidence_is_not_read_and_what_is_too_large_hides_no_other() {
        let large = vec![b' '; attest_verify::limits::BUNDLE_BYTES + 1];
        let files: [(&str, &[u8]); 3] = [
            ("log.txt", &large),
            ("large.sigstore.json", &large),
            ("small.sigstore.json", b"[]"),
        ];
        let (pieces, _, told) = asked(&files, "log.txt");
        let wanted = [
            ("large.sigstore.json", "bundle-too-large"),
            ("small.sigstore.json", "dialect-unknown"),
        ];
        assert_eq!((pieces, told), (named(&wanted), vec![]));
    }

    /// A message signature, which is held until its file is judged: of whom it is nobody has asked yet.
    fn signature() -> Vec<u8> {
        let place = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../fixtures/verify/message/bundle.sigstore.json"
        );
        let mut bytes = std::fs::read(place).unwrap();
        bytes.resize(1 << 20, b' ');
        bytes
    }

    #[test]
    fn the_same_bytes_are_read_once_and_signatures_are_held_up_to_a_bound() {
        let signature = signature();
        let junk: Vec<String> = (0..9).map(|it| format!("{it}.sigstore.json")).collect();
        let many = |bytes| -> Vec<(&str, &[u8])> {
            junk.iter().map(|name| (name.as_str(), bytes)).collect()
        };
        let (pieces, _, told) = asked(&many(b"[]"), "");
        assert_eq!(pieces, named(&[("0.sigstore.json", "dialect-unknown")]));
        assert!(told.is_empty(), "{told:?}");
        let (pieces, exit, told) = asked(&many(&signature)[..4], "");
        assert_eq!((pieces.len(), told), (4, vec![]));
        assert_eq!(exit, Exit::No, "nothing is verified by it");
        let (pieces, exit, told) = asked(&many(&signature), "");
        assert_eq!((pieces.len(), told), (4, vec!["bundle-too-large"]));
        assert_eq!(exit, Exit::No);
    }
}
