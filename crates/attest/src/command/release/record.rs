//! Records of the steps that made what is released: only with one does a release claim how its files
//! were made.

use std::path::{Path, PathBuf};

use attest_digest::{Artifact, DigestSet, Hashes, Match, RelativePath};
use attest_provenance::in_toto::{Link, Metablock};
use attest_provenance::limits;
use attest_provenance::predicate::recorded::RecordedStep;
use attest_sign::ArtifactKey;
use serde_json::Value;

use super::content::Content;
use crate::failure::{Failure, with_source};
use crate::files;
use crate::home::real;

/// The link of a step that went well.
#[derive(Debug)]
pub(super) struct Record {
    path: PathBuf,
    block: Metablock,
    link: Link,
    artifact: Artifact,
    /// What the paths of products may begin with: the end of the path of the folder, longest first.
    folders: Vec<String>,
}

impl Record {
    /// # Errors
    /// Exit 2: `record-unreadable`, what is wrong with the link, `record-failed`.
    pub(super) fn read(path: &Path, folder: &Path) -> Result<Self, Failure> {
        let shown = path.display();
        let bytes = files::read_limited(path, limits::METABLOCK.bytes as u64)
            .map_err(|error| Failure::request("record-unreadable", format!("{shown}: {error}")))?;
        let refused = |error: &dyn std::error::Error| {
            let message = format!("{shown}: {}", with_source(error));
            Failure::request("record-unreadable", message)
                .hint("name the link that attest provenance run wrote")
        };
        let block = Metablock::parse(&bytes).map_err(|error| refused(&error))?;
        let link =
            Link::from_json(block.unverified_signed().clone()).map_err(|error| refused(&error))?;
        let is_success = match link.return_value() {
            Some(value) => value == 0,
            // A step of several commands, of which none was watched.
            None => link.command.is_empty() && !link.byproducts.contains_key("return-value"),
        };
        if !is_success {
            return Err(Failure::request(
                "record-failed",
                format!(
                    "{shown}: step {} returned {}",
                    link.name,
                    link.byproducts.get("return-value").unwrap_or(&Value::Null)
                ),
            ));
        }
        Ok(Self {
            path: path.to_owned(),
            artifact: Artifact::of_bytes(&bytes, Hashes::Sha256),
            folders: ends(&real(folder)),
            block,
            link,
        })
    }

    /// Whether this home recorded it: nobody else's word is taken for how its files were made.
    ///
    /// # Errors
    /// `record-altered` (exit 2).
    pub(super) fn check(&self, key: &ArtifactKey) -> Result<(), Failure> {
        let signatures = self.block.signatures();
        let is_ours = !signatures.is_empty()
            && signatures
                .iter()
                .all(|it| key.made(self.block.bytes_to_sign(), &it.sig));
        if is_ours {
            return Ok(());
        }
        Err(Failure::request(
            "record-altered",
            format!(
                "{} is not what the key sha256:{} signed",
                self.path.display(),
                hex::encode(key.fingerprint())
            ),
        )
        .hint("a release speaks of records that its own key signed"))
    }

    /// What it is a record of, in words.
    pub(super) fn step(&self) -> String {
        format!(
            "step {}, watched beside it by this key: {}",
            self.link.name,
            self.path.display()
        )
    }

    /// Whether it names the file, with whatever content.
    pub(super) fn names(&self, path: &RelativePath) -> bool {
        self.product(path).is_some()
    }

    /// Whether the file is a product of the step.
    ///
    /// # Errors
    /// `record-other-digests` (exit 2) when the step made another file of that path.
    pub(super) fn covers(&self, content: &Content) -> Result<bool, Failure> {
        let Some(product) = self.product(&content.path) else {
            return Ok(false);
        };
        let difference = match content.artifact.compare(product) {
            Match::Same => return Ok(true),
            Match::Different { found, wanted, .. } => {
                format!("is {found}, step {} made {wanted}", self.link.name)
            }
            // It may be the same file, and may be another: nothing is claimed of what was not compared.
            _ => format!(
                "is compared by SHA-256 and SHA-512, step {} names it by other digests too",
                self.link.name
            ),
        };
        Err(other_digests(format!("{} {difference}", content.path)))
    }

    /// # Errors
    /// `record-other-digests` (exit 2).
    pub(super) fn covers_none(&self) -> Failure {
        other_digests(format!(
            "{} is about none of the files to release",
            self.path.display()
        ))
    }

    /// SLSA provenance of what it covers.
    pub(super) fn predicate(&self) -> Value {
        let name = self.path.file_name().unwrap_or_default();
        let file = (
            name.to_string_lossy().into_owned(),
            self.artifact.sha256().into(),
        );
        RecordedStep::from_link(&self.link, file).to_json()
    }

    fn product(&self, path: &RelativePath) -> Option<&DigestSet> {
        self.folders
            .iter()
            .map(|folder| format!("{folder}/{path}"))
            .chain([path.to_string()])
            .find_map(|path| self.link.products.get(&path))
    }
}

fn other_digests(message: String) -> Failure {
    Failure::request("record-other-digests", message)
        .hint("record the step that made these very files, and leave them as it made them")
}

/// `a/b/c`, `b/c`, `c`.
fn ends(folder: &Path) -> Vec<String> {
    let names: Vec<&str> = folder
        .iter()
        .filter_map(|name| name.to_str())
        .filter(|name| *name != "/")
        .collect();
    (0..names.len())
        .filter_map(|from| names.get(from..))
        .map(|names| names.join("/"))
        .collect()
}
