//! A release in a registry: each file a layer of one manifest, whose tag is written when everything else
//! was read back.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use attest_digest::{Artifact, Digest, Hashes};
use attest_provenance::ReleaseName;
use attest_remote::registry::{
    Access, Fetched, IMAGE, Name, Pushed, Reference, Registry, RegistryError, Repository,
};
use attest_remote::{Created, Finished, PlaceError, Target};
use attest_verify::limits::IMAGE_DESCRIPTORS;

use crate::command::registry::files::{self, Layer};
use crate::failure::Failure;
use crate::registry;

/// A tag of a repository, to publish into.
pub(super) struct RegistryTarget {
    registry: Registry,
    reference: Reference,
    tag: String,
    /// What the tag names: nothing yet, or all that there will ever be.
    there: Option<Listed>,
    /// What belongs to the release, as far as it was asked for.
    asked: RefCell<BTreeSet<String>>,
    made: BTreeMap<String, Layer>,
}

/// What a tag names.
struct Listed {
    digest: Digest,
    /// By path; none if it is something else than files.
    layers: Option<BTreeMap<String, Layer>>,
}

impl RegistryTarget {
    /// Nothing is sent yet. Without a tag it is the version.
    ///
    /// # Errors
    /// `registry-reference` (2): that is no name of a repository with a tag.
    pub(super) fn new(
        reference: &Reference,
        name: &ReleaseName,
        registry: Registry,
    ) -> Result<Self, Failure> {
        let reference = match reference.name() {
            Name::Tag(_) => reference.clone(),
            Name::None => registry::reference(&format!("{reference}:{}", name.version()))
                .map_err(|failure| failure.hint("name a tag: oci://HOST/REPOSITORY:TAG"))?,
            Name::Digest(_) => {
                let message = format!("{reference}: a release is published under a tag");
                return Err(Failure::request("registry-reference", message));
            }
        };
        let Name::Tag(tag) = reference.name() else {
            return Err(Failure::unknown(
                "internal-error",
                "a reference lost its tag",
            ));
        };
        Ok(Self {
            tag: tag.clone(),
            reference,
            registry,
            there: None,
            asked: RefCell::default(),
            made: BTreeMap::new(),
        })
    }

    fn repository(&self) -> Result<Repository<'_>, PlaceError> {
        let repository = self.registry.repository(&self.reference, Access::Push);
        repository.map_err(|error| self.failed(error))
    }

    fn read(&self) -> Result<Option<Listed>, PlaceError> {
        let found = self.repository()?.manifest(self.reference.name());
        let found = found.map_err(|error| self.failed(error))?;
        Ok(found.as_ref().map(Listed::of))
    }

    fn layer(&self, path: &str) -> Option<Layer> {
        match &self.there {
            Some(listed) => listed.layers.as_ref()?.get(path).copied(),
            None => self.made.get(path).copied(),
        }
    }

    fn failed(&self, error: RegistryError) -> PlaceError {
        PlaceError::Registry {
            place: self.name(),
            source: Box::new(error),
        }
    }
}

impl Listed {
    fn of(fetched: &Fetched) -> Self {
        Self {
            digest: fetched.digest(),
            layers: files::layers(fetched.bytes()),
        }
    }
}

impl Target for RegistryTarget {
    fn name(&self) -> String {
        self.reference.to_string()
    }

    fn admits(&self, _: &str) -> bool {
        true
    }

    fn begin(&mut self) -> Result<(), PlaceError> {
        self.there = self.read()?;
        Ok(())
    }

    fn sealed(&self) -> Option<Vec<String>> {
        let listed = self.there.as_ref()?;
        Some(match &listed.layers {
            Some(layers) => layers.keys().cloned().collect(),
            None => vec![format!("{}, which is no list of files", listed.digest)],
        })
    }

    fn open(&self, path: &str, _: u64) -> Result<Option<Box<dyn Read + '_>>, PlaceError> {
        let mut asked = self.asked.borrow_mut();
        asked.insert(path.to_owned());
        if asked.len() >= IMAGE_DESCRIPTORS {
            return Err(PlaceError::TooLarge {
                place: self.name(),
                what: "a manifest of so many files".to_owned(),
                most: IMAGE_DESCRIPTORS as u64,
            });
        }
        let Some(layer) = self.layer(path) else {
            return Ok(None);
        };
        let stream = self.repository()?.blob_unchecked(layer.digest, layer.size);
        stream.map_err(|error| self.failed(error))
    }

    fn create(
        &mut self,
        path: &str,
        (digest, size): (Digest, u64),
        source: &mut dyn Read,
    ) -> Result<Created, PlaceError> {
        let pushed = self.repository()?.push_blob(digest, size, source);
        let pushed = pushed.map_err(|error| self.failed(error))?;
        self.made.insert(path.to_owned(), Layer { digest, size });
        Ok(match pushed {
            Pushed::New => Created::New,
            Pushed::Already => Created::Exists,
        })
    }

    /// The tag comes last: whoever reads it finds everything.
    fn finish(&mut self) -> Result<Finished, PlaceError> {
        if self.there.is_some() {
            return Ok(Finished::AsItWas);
        }
        let made = self.made.iter();
        let manifest = files::manifest(made.map(|(path, layer)| (path.as_str(), *layer)));
        let repository = self.repository()?;
        let failed = |error| self.failed(error);
        let mut empty = files::EMPTY;
        let (digest, size) = files::empty();
        repository
            .push_blob(digest, size, &mut empty)
            .map_err(failed)?;
        // Somebody else may have been quicker; or we, and the line broke before that was said.
        let digest = Artifact::of_bytes(&manifest, Hashes::Sha256).sha256();
        let now = self.read()?;
        if let Some(now) = now.as_ref().filter(|it| it.digest != digest) {
            return Err(failed(RegistryError::TagMoved {
                host: self.reference.host().to_owned(),
                tag: self.tag.clone(),
                before: "nothing".to_owned(),
                after: now.digest.to_string(),
            }));
        }
        if now.is_none() {
            let pushed = repository.push_manifest(Some(&self.tag), IMAGE, &manifest);
            pushed.map_err(failed)?;
        }
        let there = repository.manifest(self.reference.name()).map_err(failed)?;
        let there = there.filter(|it| it.digest() == digest);
        let there = there.ok_or_else(|| {
            failed(RegistryError::NotKept {
                host: self.reference.host().to_owned(),
                what: format!("manifest {digest}"),
                problem: "the tag names something else by now".to_owned(),
            })
        })?;
        let there = Listed::of(&there);
        self.there = Some(there);
        Ok(Finished::Shown)
    }
}
