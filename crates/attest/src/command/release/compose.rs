//! The documents of a release, before anything is signed: checksums, instructions, statements.

use attest_archive::Role;
use attest_digest::{Algorithm, Artifact, Checksums, Digest, DigestSet, Hashes, RelativePath};
use attest_provenance::predicate::Part;
use attest_provenance::predicate::reference::{self, Reference};
use attest_provenance::predicate::release::Release;
use attest_provenance::predicate::slsa::{self, Packaging};
use attest_provenance::{ReleaseName, ResourceDescriptor, Source, Statement, Subject, ci, limits};
use attest_sign::{ArtifactKey, Holder};
use jiff::Timestamp;

use super::by_services::Drawer;
use super::content::{Content, digests, subject};
use super::gpg::GpgKey;
use super::instructions::{self, Named};
use super::record::Record;
use super::reserved::{
    CHECKSUMS, CHECKSUMS_OPENPGP, INSTRUCTIONS, PUBLIC_KEY, TREE, TREE_BUNDLE, TRUSTED_ROOT,
    beside_tree, bundle_name,
};
use super::tree::{self, Modes};
use crate::failure::Failure;

/// What a release is made from.
pub(super) struct Ingredients<'a> {
    pub(super) name: &'a ReleaseName,
    /// Every file that is released, sorted by path.
    pub(super) contents: &'a [Content],
    /// The bills of materials among them, with their media types.
    pub(super) sboms: &'a [(RelativePath, &'static str)],
    pub(super) signer: SignedBy<'a>,
    pub(super) gpg: Option<&'a GpgKey>,
    /// Whether RFC 3161 tokens prove the times, and not a log alone.
    pub(super) has_tokens: bool,
    /// Where an earlier run may have kept what gpg signed.
    pub(super) drawer: Option<&'a Drawer>,
    pub(super) now: Timestamp,
    pub(super) trusted_root: &'a [u8],
    pub(super) source: Option<Source>,
    pub(super) ci: Option<ci::Record>,
    /// How some of the files were made.
    pub(super) records: &'a [Record],
    /// The permissions of what stands in the folder.
    pub(super) modes: &'a Modes,
}

/// Who will sign.
#[derive(Debug, Clone, Copy)]
pub(super) enum SignedBy<'a> {
    /// The holder of this key.
    Key(&'a ArtifactKey),
    /// Whom certificates name.
    Identity(&'a Holder),
}

impl<'a> SignedBy<'a> {
    pub(super) const fn key(self) -> Option<&'a ArtifactKey> {
        match self {
            Self::Key(key) => Some(key),
            Self::Identity(_) => None,
        }
    }

    /// Certificates are for P-256 keys.
    const fn digest_algorithm(self) -> Algorithm {
        match self {
            Self::Key(key) => key.digest_algorithm(),
            Self::Identity(_) => Algorithm::Sha256,
        }
    }
}

/// What stands beside the artifacts, as far as it is a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Beside {
    /// `release.pub`: only a key that is kept has one.
    pub(super) key: bool,
    /// `SHA256SUMS.asc`.
    pub(super) openpgp: bool,
}

/// A file that we write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Document {
    pub(super) path: RelativePath,
    pub(super) role: Role,
    pub(super) bytes: Vec<u8>,
}

impl Document {
    pub(super) fn new(name: &str, role: Role, bytes: Vec<u8>) -> Result<Self, Failure> {
        let path = RelativePath::parse(name).map_err(internal)?;
        Ok(Self { path, role, bytes })
    }
}

/// What stands ready to be signed.
pub(super) struct Composed {
    /// `VERIFY.md`, `release.pub`, `trusted_root.json`, `release.tree`, `SHA256SUMS`.
    pub(super) documents: Vec<Document>,
    /// The checksums file, observed.
    pub(super) checksums: Artifact,
    /// The name of each bundle, and the statement that it will carry.
    pub(super) statements: Vec<(String, Vec<u8>)>,
}

/// How many bundles of each kind there will be: known from counts alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) release: u32,
    pub(super) provenance: u32,
    pub(super) sbom: u32,
    /// Statements about how files were made.
    pub(super) recorded: u32,
    /// Files in each statement of the release, beside the checksums and their OpenPGP signature.
    release_each: usize,
}

impl Parts {
    /// For so many files, of which so many are bills of materials.
    pub(super) fn of(files: usize, sboms: usize, beside: Beside) -> Self {
        let release_each = RELEASE_EACH - usize::from(beside.openpgp);
        let own = OWN_FILES + usize::from(beside.key);
        let parts =
            |count: usize, each: usize| u32::try_from(count.div_ceil(each)).unwrap_or(u32::MAX);
        Self {
            release: parts(files + own, release_each),
            provenance: parts(files, limits::SUBJECTS_WRITTEN),
            sbom: if sboms == 0 {
                0
            } else {
                parts(files - sboms, limits::SUBJECTS_WRITTEN)
            },
            recorded: 0,
            release_each,
        }
    }

    /// With records that cover so many files each.
    pub(super) fn with_recorded(self, covered: Vec<usize>) -> Self {
        let parts = covered
            .into_iter()
            .map(|count| count.div_ceil(limits::SUBJECTS_WRITTEN));
        Self {
            recorded: u32::try_from(parts.sum::<usize>()).unwrap_or(u32::MAX),
            ..self
        }
    }

    /// The names of all bundles of statements.
    pub(super) fn bundle_names(self) -> Vec<String> {
        let kinds = [
            (RELEASE, self.release),
            (PROVENANCE, self.provenance),
            (SBOM, self.sbom),
            (RECORDED, self.recorded),
        ];
        kinds
            .into_iter()
            .flat_map(|(stem, parts)| (1..=parts).map(move |part| bundle_name(stem, part, parts)))
            .chain([TREE_BUNDLE.to_owned()])
            .collect()
    }

    pub(super) fn statements(self) -> u32 {
        self.release + self.provenance + self.sbom + self.recorded + TREE_STATEMENTS
    }
}

impl Ingredients<'_> {
    fn parts(&self) -> Parts {
        let beside = Beside {
            key: self.signer.key().is_some(),
            openpgp: self.gpg.is_some(),
        };
        Parts::of(self.contents.len(), self.sboms.len(), beside)
    }
}

/// Writes everything that will be signed.
pub(super) fn compose(from: &Ingredients<'_>) -> Result<Composed, Failure> {
    let parts = from.parts();
    let mut own = Vec::new();
    if let Some(key) = from.signer.key() {
        let pem = key.public_pem().into_bytes();
        own.push(Document::new(PUBLIC_KEY, Role::Trust, pem)?);
    }
    let root = from.trusted_root.to_vec();
    own.push(Document::new(TRUSTED_ROOT, Role::Trust, root)?);
    // The names in the instructions depend on the order of all files, their own and the manifest's included:
    // both are listed by name before their text is written.
    let guide = Document::new(INSTRUCTIONS, Role::Guide, Vec::new())?;
    let manifest = Document::new(TREE, Role::Evidence, Vec::new())?;
    let names = own.iter().chain([&guide, &manifest]);
    let text = instructions(from, parts, &list(from, names)?);
    own.push(Document {
        bytes: text.into_bytes(),
        ..guide
    });
    let recorded = recorded_statements(from)?;
    let bundles = recorded.iter().map(|(name, _)| name.clone());
    let beside = beside_tree(
        from.signer.key().is_some(),
        from.gpg.is_some(),
        bundles.chain(parts.bundle_names()),
    );
    let (bytes, summary) = tree::manifest(from.name, &list(from, own.iter())?, from.modes, beside)?;
    let tree_statement = tree::statement(from.name, &manifest.path, &bytes, summary)?;
    own.push(Document { bytes, ..manifest });

    let listed = list(from, own.iter())?;
    let lines: Vec<(RelativePath, Digest)> = listed
        .iter()
        .map(|(path, artifact)| (path.clone(), artifact.sha256()))
        .collect();
    let sums = Document::new(
        CHECKSUMS,
        Role::Checksums,
        Checksums::gnu(&lines).into_bytes(),
    )?;
    let checksums = Artifact::of_bytes(
        &sums.bytes,
        Hashes::Sha256AndSha512.with(from.signer.digest_algorithm()),
    );
    let mut bound = vec![subject(&sums.path, &checksums)?];
    if let Some(gpg) = from.gpg {
        let trust = (from.trusted_root, from.now);
        let signature = match from.drawer {
            Some(drawer) => drawer.openpgp(gpg, &sums.bytes, trust)?,
            None => gpg.sign(&sums.bytes, trust.0, trust.1)?,
        };
        let signature = Document::new(CHECKSUMS_OPENPGP, Role::Evidence, signature)?;
        let artifact = Artifact::of_bytes(&signature.bytes, Hashes::Sha256AndSha512);
        bound.push(subject(&signature.path, &artifact)?);
        own.push(signature);
    }
    let mut statements = release_statements(from, parts, &listed, &bound, &checksums)?;
    statements.extend(provenance_statements(from, parts, &checksums)?);
    statements.extend(reference_statements(from, parts)?);
    statements.extend(recorded);
    statements.push((TREE_BUNDLE.to_owned(), tree_statement));
    own.push(sums);
    Ok(Composed {
        documents: own,
        checksums,
        statements,
    })
}

type Listed = Vec<(RelativePath, Artifact)>;

/// All files of `SHA256SUMS`, sorted by path.
fn list<'a>(
    from: &Ingredients<'_>,
    own: impl Iterator<Item = &'a Document>,
) -> Result<Listed, Failure> {
    let contents = from
        .contents
        .iter()
        .map(|it| (it.path.clone(), it.artifact.clone()));
    let own = own.map(|it| {
        (
            it.path.clone(),
            Artifact::of_bytes(&it.bytes, Hashes::Sha256AndSha512),
        )
    });
    let mut listed: Listed = contents.chain(own).collect();
    listed.sort_by(|one, other| one.0.cmp(&other.0));
    let collision = attest_digest::colliding_names(listed.iter().map(|(path, _)| path.as_str()));
    match collision {
        None => Ok(listed),
        Some((one, other)) => Err(super::plan::collision(&one, &other)),
    }
}

fn instructions(from: &Ingredients<'_>, parts: Parts, listed: &Listed) -> String {
    let named: Vec<Named<'_>> = from
        .contents
        .iter()
        .enumerate()
        .map(|(at, content)| {
            let place = listed
                .binary_search_by(|(path, _)| path.cmp(&content.path))
                .unwrap_or(at);
            Named {
                path: content.path.as_str(),
                size: content.artifact.size(),
                sha256: content.artifact.sha256(),
                release_bundle: bundle_of(RELEASE, place, parts.release_each, parts.release),
                provenance_bundle: bundle_of(
                    PROVENANCE,
                    at,
                    limits::SUBJECTS_WRITTEN,
                    parts.provenance,
                ),
            }
        })
        .collect();
    instructions::write(&instructions::Subject {
        release: from.name,
        signer: from.signer,
        has_tokens: from.has_tokens,
        digest: from.signer.digest_algorithm(),
        openpgp: from.gpg.map(GpgKey::fingerprint),
        files: &named,
        has_sboms: !from.sboms.is_empty(),
    })
}

fn bundle_of(stem: &str, place: usize, each: usize, parts: u32) -> String {
    let part = u32::try_from(place / each + 1).unwrap_or(u32::MAX);
    bundle_name(stem, part, parts)
}

/// The checksums file, with its OpenPGP signature, stands in every part, so that each part alone binds the whole list.
fn release_statements(
    from: &Ingredients<'_>,
    parts: Parts,
    listed: &Listed,
    bound: &[Subject],
    checksums: &Artifact,
) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let release = |part: Part, files: Vec<Subject>| {
        let release = Release {
            name: from.name.clone(),
            part,
        };
        release.statement(files).map_err(internal)
    };
    numbered(listed.chunks(parts.release_each))
        .map(|(number, files)| {
            let part = Part::new(number, parts.release, checksums.sha256()).map_err(internal)?;
            let mut subjects = bound.to_vec();
            for (path, artifact) in files {
                subjects.push(subject(path, artifact)?);
            }
            let statement = release(part, subjects)?;
            Ok((
                bundle_name(RELEASE, number, parts.release),
                statement.to_bytes(),
            ))
        })
        .collect()
}

fn provenance_statements(
    from: &Ingredients<'_>,
    parts: Parts,
    checksums: &Artifact,
) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    numbered(from.contents.chunks(limits::SUBJECTS_WRITTEN))
        .map(|(number, files)| {
            let packaging = Packaging {
                name: from.name.clone(),
                part: Part::new(number, parts.provenance, checksums.sha256()).map_err(internal)?,
                source: from.source.clone(),
                ci: from.ci.clone(),
            };
            let subjects = files
                .iter()
                .map(Content::subject)
                .collect::<Result<_, _>>()?;
            let statement =
                Statement::new(subjects, slsa::TYPE, packaging.to_json()).map_err(internal)?;
            Ok((
                bundle_name(PROVENANCE, number, parts.provenance),
                statement.to_bytes(),
            ))
        })
        .collect()
}

fn reference_statements(
    from: &Ingredients<'_>,
    parts: Parts,
) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    if from.sboms.is_empty() {
        return Ok(Vec::new());
    }
    let references = from
        .sboms
        .iter()
        .map(|(path, media_type)| {
            Ok(Reference::beside(
                path.as_str(),
                sbom_digests(from, path)?,
                media_type,
            ))
        })
        .collect::<Result<Vec<ResourceDescriptor>, Failure>>()?;
    let predicate = Reference::new(ATTESTER, references).to_json();
    let files: Vec<&Content> = from
        .contents
        .iter()
        .filter(|content| content.role == Role::Artifact)
        .collect();
    numbered(files.chunks(limits::SUBJECTS_WRITTEN))
        .map(|(number, files)| {
            let subjects = files
                .iter()
                .map(|it| it.subject())
                .collect::<Result<_, _>>()?;
            let statement =
                Statement::new(subjects, reference::TYPE, predicate.clone()).map_err(internal)?;
            Ok((bundle_name(SBOM, number, parts.sbom), statement.to_bytes()))
        })
        .collect()
}

/// Each record about the files that it covers and no others: what it does not cover was only packaged.
fn recorded_statements(from: &Ingredients<'_>) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let mut statements = Vec::new();
    for record in from.records {
        let predicate = record.predicate();
        let mut covered = Vec::new();
        for content in from.contents {
            if content.role == Role::Artifact && record.covers(content)? {
                covered.push(content);
            }
        }
        for files in covered.chunks(limits::SUBJECTS_WRITTEN) {
            let subjects = files
                .iter()
                .map(|it| it.subject())
                .collect::<Result<_, _>>()?;
            let statement =
                Statement::new(subjects, slsa::TYPE, predicate.clone()).map_err(internal)?;
            statements.push(statement.to_bytes());
        }
    }
    let parts = u32::try_from(statements.len()).unwrap_or(u32::MAX);
    Ok(numbered(statements.into_iter())
        .map(|(number, statement)| (bundle_name(RECORDED, number, parts), statement))
        .collect())
}

fn sbom_digests(from: &Ingredients<'_>, path: &RelativePath) -> Result<DigestSet, Failure> {
    let content = from
        .contents
        .iter()
        .find(|content| content.path == *path)
        .ok_or_else(|| Failure::unknown("internal-error", format!("{path} was not observed")))?;
    digests(&content.artifact)
}

fn numbered<T>(chunks: impl Iterator<Item = T>) -> impl Iterator<Item = (u32, T)> {
    (1..).zip(chunks)
}

fn internal(error: impl std::fmt::Display) -> Failure {
    Failure::unknown("internal-error", error)
}

const RELEASE: &str = "release";
const PROVENANCE: &str = "provenance";
const SBOM: &str = "sbom";
const RECORDED: &str = "provenance-build";
/// `VERIFY.md`, `trusted_root.json` and `release.tree` are named once, beside the artifacts; `release.pub`
/// as well.
const OWN_FILES: usize = 3;
/// One statement is about the manifest of the files, however many they are.
const TREE_STATEMENTS: u32 = 1;
/// One subject of each part is the checksums file.
const RELEASE_EACH: usize = limits::SUBJECTS_WRITTEN - 1;
/// The system that refers to the bills of materials: this command.
const ATTESTER: &str = "https://attest.dev/attesters/release/v1";

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Beside = Beside {
        key: true,
        openpgp: false,
    };

    #[test]
    fn parts_are_counted_with_our_own_files() {
        let parts = |files, sboms| {
            let parts = Parts::of(files, sboms, KEY);
            (parts.release, parts.provenance, parts.sbom)
        };
        assert_eq!(parts(1, 0), (1, 1, 0));
        assert_eq!(parts(1019, 0), (1, 1, 0));
        assert_eq!(parts(1020, 0), (2, 1, 0));
        assert_eq!(parts(1024, 1), (2, 1, 1));
        assert_eq!(parts(1025, 0), (2, 2, 0));
        assert_eq!(parts(1026, 1), (2, 2, 2));
        // Without release.pub there is room for one more.
        let none = Beside { key: false, ..KEY };
        assert_eq!(Parts::of(1020, 0, none).release, 1);
        assert_eq!(Parts::of(1021, 0, none).release, 2);
        // The OpenPGP signature takes the place of one more.
        let both = Beside {
            openpgp: true,
            ..KEY
        };
        assert_eq!(Parts::of(1018, 0, both).release, 1);
        assert_eq!(Parts::of(1019, 0, both).release, 2);
        assert_eq!(parts(10_000, 0), (10, 10, 0));
        let recorded = |covered| Parts::of(5000, 0, KEY).with_recorded(covered).recorded;
        assert_eq!([recorded(vec![]), recorded(vec![1, 1025])], [0, 3]);
    }

    #[test]
    fn the_names_of_all_bundles_are_known_before_anything_is_signed() {
        let names = Parts::of(1025, 1, KEY).bundle_names();
        let wanted = [
            "release.1.sigstore.json",
            "release.2.sigstore.json",
            "provenance.1.sigstore.json",
            "provenance.2.sigstore.json",
            "sbom.sigstore.json",
            "release.tree.sigstore.json",
        ];
        assert_eq!(names, wanted);
    }
}
