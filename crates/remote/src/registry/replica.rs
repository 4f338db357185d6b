//! An archive in a repository of a registry: blobs and manifests under their digests, and its index in
//! parts that are never changed.
//!
//! ```text
//! archive-sha256-5e1d…  ─►  the index that has this SHA-256  ─►  manifests  ─►  blobs
//! ```
//! A registry replaces what a tag names whenever it is asked to, and has no way to say "only if". So no
//! tag of ours is ever written twice: each is named by the digest of what it names, and what the archive
//! lists is what all of them list together. Tags also keep a registry from collecting what no tag leads
//! to.

use std::io::Read;

use attest_archive::limits as archive_limits;
use attest_archive::{Item, ItemKind, Put, Replica, ReplicaError, join_index, new_index_parts};
use attest_digest::{Algorithm, Artifact, Digest, Hashes};

use super::client::{Access, Registry};
use super::error::RegistryError;
use super::reference::{Name, Reference};
use super::repository::{IMAGE, INDEX, Repository};
use crate::limits;
use crate::place::PlaceError;

/// An archive in a repository of a registry, as a replica.
#[derive(Debug)]
pub struct RegistryReplica {
    registry: Registry,
    reference: Reference,
    access: Access,
}

impl RegistryReplica {
    /// A replica to read from. Nothing is sent before something is asked for.
    ///
    /// # Errors
    /// `registry-reference`: it names a manifest, and a replica is a whole repository.
    pub fn open(registry: Registry, reference: Reference) -> Result<Self, RegistryError> {
        Self::of(registry, reference, Access::Pull)
    }

    /// A replica to write to.
    ///
    /// The registry is tested before anything is entrusted to it: it must refuse bytes under a digest
    /// that is not theirs. They go under one that no bytes of an archive have.
    ///
    /// # Errors
    /// As [`Self::open`]; `place-unfit` if the registry takes them; it could not be asked.
    pub fn init(registry: Registry, reference: Reference) -> Result<Self, ReplicaStart> {
        let replica = Self::of(registry, reference, Access::Push)?;
        if replica.repository()?.takes_other_bytes()? {
            return Err(ReplicaStart::Unfit(PlaceError::Unfit {
                place: replica.name(),
                problem: "it keeps bytes under a digest that is not theirs".to_owned(),
            }));
        }
        Ok(replica)
    }

    fn of(registry: Registry, reference: Reference, access: Access) -> Result<Self, RegistryError> {
        if *reference.name() != Name::None {
            return Err(RegistryError::Reference {
                text: reference.to_string(),
                problem: "a replica is a whole repository, without a tag or a digest",
            });
        }
        Ok(Self {
            registry,
            reference,
            access,
        })
    }

    fn repository(&self) -> Result<Repository<'_>, RegistryError> {
        self.registry.repository(&self.reference, self.access)
    }

    fn asked(&self) -> Result<Repository<'_>, ReplicaError> {
        self.repository().map_err(|error| self.failed(error))
    }

    fn failed(&self, error: RegistryError) -> ReplicaError {
        match error {
            RegistryError::Source { source, .. } => ReplicaError::Source {
                replica: self.name(),
                source,
            },
            error => ReplicaError::unavailable(self.name(), error.to_string()),
        }
    }

    fn changed(&self, problem: String) -> ReplicaError {
        ReplicaError::Index {
            replica: self.name(),
            problem,
        }
    }

    /// The digests that our tags have in their names.
    fn parts(&self) -> Result<Vec<Digest>, ReplicaError> {
        let tags = match self.asked()?.tags() {
            // A repository is there once something was put into it.
            Err(RegistryError::NotFound { .. }) => Vec::new(),
            tags => tags.map_err(|error| self.failed(error))?,
        };
        let digests = tags.iter().filter_map(|tag| tag.strip_prefix(TAG));
        let digests = digests.filter_map(|it| Digest::from_hex(Algorithm::Sha256, it).ok());
        let digests: Vec<Digest> = digests.collect();
        self.check_count(digests.len())?;
        Ok(digests)
    }

    fn check_count(&self, count: usize) -> Result<(), ReplicaError> {
        let most = limits::REGISTRY_INDEX_PARTS;
        if count <= most {
            return Ok(());
        }
        let message = format!("its index has {count} parts, and {most} are read");
        Err(ReplicaError::unavailable(self.name(), message))
    }

    /// What a tag of ours names: what its name says, nothing, or a change.
    fn part(&self, digest: Digest) -> Result<Option<Vec<u8>>, ReplicaError> {
        let tag = tag(digest);
        let found = match self.asked()?.manifest(&Name::Tag(tag.clone())) {
            Err(error) if error.is_wrong_bytes() => return Err(self.changed(error.to_string())),
            found => found.map_err(|error| self.failed(error))?,
        };
        match found {
            Some(found) if found.digest() == digest => Ok(Some(found.bytes().to_vec())),
            Some(found) => Err(self.changed(format!("the tag {tag} names {}", found.digest()))),
            None => Ok(None),
        }
    }

    fn put_part(&self, part: &[u8]) -> Result<(), ReplicaError> {
        let digest = Artifact::of_bytes(part, Hashes::Sha256).sha256();
        if self.part(digest)?.is_none() {
            let kept = self.asked()?.push_manifest(Some(&tag(digest)), INDEX, part);
            kept.map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    fn put_manifest(&self, item: &Item, source: &mut dyn Read) -> Result<(), ReplicaError> {
        let most = limits::REGISTRY_MANIFEST_BYTES;
        if item.size > most {
            return Err(ReplicaError::TooLarge {
                replica: self.name(),
                blob: item.digest,
                found: item.size,
                most,
            });
        }
        let mut bytes = Vec::new();
        let mut source = source.take(item.size.saturating_add(1));
        let other = |source| ReplicaError::Source {
            replica: self.name(),
            source,
        };
        source.read_to_end(&mut bytes).map_err(other)?;
        if Artifact::of_bytes(&bytes, Hashes::Sha256).sha256() != item.digest {
            let problem = "it has other bytes than it should have";
            return Err(other(std::io::Error::other(problem)));
        }
        let kept = self.asked()?.push_manifest(None, IMAGE, &bytes);
        kept.map(|_| ()).map_err(|error| self.failed(error))
    }
}

/// Why no replica can be in a registry.
#[derive(Debug, thiserror::Error)]
pub enum ReplicaStart {
    /// The registry was not asked, or did not answer.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// It is no place for a replica.
    #[error(transparent)]
    Unfit(PlaceError),
}

impl Replica for RegistryReplica {
    fn name(&self) -> String {
        self.reference.to_string()
    }

    fn size(&self, item: &Item) -> Result<Option<u64>, ReplicaError> {
        let repository = self.asked()?;
        let size = match item.kind {
            ItemKind::Blob => repository.blob_size(item.digest),
            ItemKind::Manifest => repository.manifest_size(item.digest),
        };
        size.map_err(|error| self.failed(error))
    }

    fn get(&self, item: &Item) -> Result<Option<Box<dyn Read + '_>>, ReplicaError> {
        let repository = self.asked()?;
        let found = match item.kind {
            ItemKind::Blob => repository.blob_unchecked(item.digest, item.size),
            ItemKind::Manifest => repository.manifest_unchecked(item.digest, item.size),
        };
        found.map_err(|error| self.failed(error))
    }

    fn put(&mut self, item: &Item, source: &mut dyn Read) -> Result<Put, ReplicaError> {
        match self.size(item)? {
            Some(size) if size == item.size => return Ok(Put::Already),
            Some(found) => {
                return Err(ReplicaError::Differs {
                    replica: self.name(),
                    blob: item.digest,
                    found,
                    wanted: item.size,
                });
            }
            None => {}
        }
        match item.kind {
            ItemKind::Blob => {
                let pushed = self.asked()?.push_blob(item.digest, item.size, source);
                pushed.map_err(|error| self.failed(error))?;
            }
            ItemKind::Manifest => self.put_manifest(item, source)?,
        }
        Ok(Put::New)
    }

    /// What a registry has acknowledged is durable, or the service breaks its word.
    fn flush(&mut self) -> Result<(), ReplicaError> {
        Ok(())
    }

    fn list(&self) -> Result<Vec<Digest>, ReplicaError> {
        let message = "a registry does not say which blobs it has";
        Err(ReplicaError::unavailable(self.name(), message))
    }

    fn index(&self) -> Result<Option<Vec<u8>>, ReplicaError> {
        let (mut parts, mut size) = (Vec::new(), 0_u64);
        for digest in self.parts()? {
            let part = self.part(digest)?;
            let part = part.ok_or_else(|| {
                self.changed(format!(
                    "the tag {} is listed and names nothing",
                    tag(digest)
                ))
            })?;
            size = size.saturating_add(part.len() as u64);
            if size > 2 * archive_limits::INDEX_BYTES {
                let message = "its index is larger than is read";
                return Err(ReplicaError::unavailable(self.name(), message));
            }
            parts.push(part);
        }
        join_index(&self.name(), &parts)
    }

    /// Adds what is new, in parts. Another writer who does the same at this moment adds theirs: both
    /// count, so that nothing is lost although nothing is locked.
    fn replace_index(&mut self, seen: Option<&[u8]>, bytes: &[u8]) -> Result<(), ReplicaError> {
        if self.index()?.as_deref() != seen {
            return Err(ReplicaError::Changed {
                replica: self.name(),
            });
        }
        let most = limits::REGISTRY_INDEX_PART_BYTES;
        let new = new_index_parts(&self.name(), seen, bytes, most)?;
        // What could not be read afterwards is not written.
        self.check_count(self.parts()?.len().saturating_add(new.len()))?;
        for part in &new {
            self.put_part(part)?;
        }
        let listed = self.index()?;
        let missing = new_index_parts(&self.name(), listed.as_deref(), bytes, most)?;
        if missing.is_empty() {
            return Ok(());
        }
        let message = "it does not list the tags that it was given";
        Err(ReplicaError::unavailable(self.name(), message))
    }
}

fn tag(digest: Digest) -> String {
    format!("{TAG}{}", digest.hex())
}

/// How our tags begin: what follows is the digest of what they name.
const TAG: &str = "archive-sha256-";
