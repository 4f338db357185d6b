//! What is attached to a manifest: as the registry lists it, or as the tag says that stands for the list.
//!
//! See [Listing Referrers](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers).

use std::collections::{BTreeMap, BTreeSet};

use attest_digest::{Algorithm, Digest};
use attest_provenance::json::Object;
use serde_json::{Map, Value, json};

use super::error::RegistryError;
use super::link;
use super::reference::{Name, is_tag};
use super::repository::{INDEX, Repository, parse_object};
use crate::http::{Answer, Url};
use crate::limits;

/// What a list says of one manifest: a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// The media type of the manifest.
    pub media_type: String,
    /// What it is used for; registries write the type of its configuration, or nothing.
    pub artifact_type: Option<String>,
    /// The SHA-256 of its bytes.
    pub digest: Digest,
    /// The count of its bytes.
    pub size: u64,
    /// What is noted beside it.
    pub annotations: BTreeMap<String, String>,
}

/// What is attached to a manifest, and who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referrers {
    /// One for each manifest, as listed.
    pub list: Vec<Descriptor>,
    /// Where the list stands.
    pub source: ReferrersSource,
}

/// Where a list of what is attached stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReferrersSource {
    /// The registry keeps it.
    Api,
    /// The registry keeps none: the tag `sha256-HEX` does.
    Tag,
    /// Neither: nothing is attached.
    None,
}

impl Descriptor {
    /// As JSON.
    pub fn to_value(&self) -> Value {
        let mut value = Map::new();
        value.insert("mediaType".to_owned(), json!(self.media_type));
        value.insert("digest".to_owned(), json!(self.digest.to_string()));
        value.insert("size".to_owned(), json!(self.size));
        if let Some(kind) = &self.artifact_type {
            value.insert("artifactType".to_owned(), json!(kind));
        }
        if !self.annotations.is_empty() {
            value.insert("annotations".to_owned(), json!(self.annotations));
        }
        Value::Object(value)
    }

    fn read(mut object: Object) -> Result<Self, String> {
        let wrong = |error: &dyn std::fmt::Display| error.to_string();
        let media_type = object.take_string("mediaType").map_err(|it| wrong(&it))?;
        let digest = object.take_string("digest").map_err(|it| wrong(&it))?;
        let digest = Digest::parse(&digest).ok();
        let digest = digest.filter(|it| it.algorithm() == Algorithm::Sha256);
        let size = object.take_u64("size").map_err(|it| wrong(&it))?;
        let artifact_type = object
            .take_optional_string("artifactType")
            .map_err(|it| wrong(&it))?;
        let annotations = object
            .take_optional_object("annotations")
            .map_err(|it| wrong(&it))?;
        let annotations = annotations.map(Object::into_rest).unwrap_or_default();
        let text = |(name, value): (String, Value)| Some((name, value.as_str()?.to_owned()));
        let annotations = annotations.into_iter().map(text);
        Ok(Self {
            media_type,
            artifact_type: artifact_type.filter(|it| !it.is_empty()),
            digest: digest.ok_or("an entry has no SHA-256")?,
            size,
            annotations: annotations
                .collect::<Option<_>>()
                .ok_or("an entry has an annotation that is no text")?,
        })
    }
}

/// The tag that stands for the list of what is attached, where a registry keeps none.
pub fn fallback_tag(subject: Digest) -> String {
    subject.to_string().replace(':', "-")
}

impl Repository<'_> {
    /// What is attached to a manifest. A list that cannot be had is an error, never an empty one: only a
    /// registry that keeps no lists and has no such tag has nothing attached.
    ///
    /// # Errors
    /// The registry could not be asked; `registry-referrers`: what it says cannot be so;
    /// `registry-list-too-large`: more than is read.
    pub fn referrers(&self, subject: Digest) -> Result<Referrers, RegistryError> {
        if let Some(list) = self.listed(subject)? {
            return Ok(Referrers {
                list,
                source: ReferrersSource::Api,
            });
        }
        let tag = Name::Tag(fallback_tag(subject));
        let Some(index) = self.manifest(&tag)? else {
            return Ok(Referrers {
                list: Vec::new(),
                source: ReferrersSource::None,
            });
        };
        // Some registries resolve such a tag as if it were the digest.
        if index.digest() == subject {
            return Err(self.odd(subject, "the tag for the list names the subject itself"));
        }
        if index.media_type() != INDEX {
            let problem = format!("the tag for the list names {}", index.media_type());
            return Err(self.odd(subject, problem));
        }
        let mut list = Vec::new();
        self.take_in(index.bytes(), subject, &mut list)?;
        Ok(Referrers {
            list,
            source: ReferrersSource::Tag,
        })
    }

    /// What the registry lists; `None` if it keeps no lists.
    pub(super) fn listed(&self, subject: Digest) -> Result<Option<Vec<Descriptor>>, RegistryError> {
        let what = format!("the list of what is attached to {subject}");
        let first = self.url(&format!("referrers/{subject}"))?;
        let mut list = Vec::new();
        let mut left = limits::REGISTRY_MANIFEST_BYTES;
        let mut pages = Pages::new(first);
        for page in 0.. {
            let Some(url) = pages.next.clone() else { break };
            if page == limits::REGISTRY_PAGES {
                return Err(self.too_many(&what, limits::REGISTRY_PAGES, "pages"));
            }
            let answer = self.get_url(url, Some(INDEX), false, &what)?;
            let Some(answer) = self.found(answer, &what)? else {
                // Only the whole list may be absent.
                if page == 0 {
                    return Ok(None);
                }
                return Err(self.odd(subject, "a page of the list is not there"));
            };
            let found = answer.content_type();
            if found != INDEX {
                return Err(self.content_type(&what, found, INDEX));
            }
            self.next_page(&answer, &mut pages)?;
            let bytes = self.page(answer, &what)?;
            // All of it is held: many pages have no more room than one.
            left = left.checked_sub(bytes.len() as u64).ok_or_else(|| {
                let most = usize::try_from(limits::REGISTRY_MANIFEST_BYTES).unwrap_or(usize::MAX);
                self.too_many(&what, most, "bytes")
            })?;
            self.take_in(&bytes, subject, &mut list)?;
        }
        Ok(Some(list))
    }

    fn take_in(
        &self,
        index: &[u8],
        subject: Digest,
        list: &mut Vec<Descriptor>,
    ) -> Result<(), RegistryError> {
        let odd = |problem: String| self.odd(subject, problem);
        let mut index = parse_object(index).map_err(odd)?;
        let most = limits::REGISTRY_REFERRERS;
        let entries = index.take_array("manifests", usize::MAX);
        let entries = entries.map_err(|error| odd(error.to_string()))?;
        if entries.len() + list.len() > most {
            let what = format!("the list of what is attached to {subject}");
            return Err(self.too_many(&what, most, "entries"));
        }
        for entry in entries {
            let entry = Object::new("manifests", entry).map_err(|error| odd(error.to_string()))?;
            let entry = Descriptor::read(entry).map_err(odd)?;
            if entry.digest == subject {
                return Err(self.odd(subject, "the list names the subject itself"));
            }
            if list.iter().all(|it| it.digest != entry.digest) {
                list.push(entry);
            }
        }
        Ok(())
    }

    /// The tags of this repository, sorted.
    ///
    /// # Errors
    /// The registry could not be asked, `registry-not-found`, or what it says are no tags.
    pub fn tags(&self) -> Result<Vec<String>, RegistryError> {
        let what = format!("tags of {}", self.reference());
        let first = self.url("tags/list?n=1000")?;
        let mut tags = Vec::new();
        let mut pages = Pages::new(first);
        for page in 0.. {
            let Some(url) = pages.next.clone() else { break };
            if page == limits::REGISTRY_PAGES {
                return Err(self.too_many(&what, limits::REGISTRY_PAGES, "pages"));
            }
            let answer = self.get_url(url, None, false, &what)?;
            let answer = self.found(answer, &what)?;
            let answer = answer.ok_or_else(|| RegistryError::NotFound {
                host: self.host().to_owned(),
                what: self.reference().to_string(),
            })?;
            // Registries say all kinds of types here: what is no list is found when it is read.
            if answer.content_type() == "text/html" {
                return Err(self.content_type(&what, answer.content_type(), "application/json"));
            }
            self.next_page(&answer, &mut pages)?;
            let bytes = self.page(answer, &what)?;
            let problem = |problem: &str| self.malformed("a list of tags", problem);
            let mut page = parse_object(&bytes).map_err(|it| problem(&it))?;
            let names = match page.take_optional("tags") {
                None | Some(Value::Null) => Vec::new(),
                Some(Value::Array(names)) => names,
                Some(_) => return Err(problem("tags is no list")),
            };
            for name in names {
                let name = name.as_str().filter(|it| is_tag(it));
                tags.push(
                    name.ok_or_else(|| problem("an entry is no tag"))?
                        .to_owned(),
                );
            }
            if tags.len() > limits::REGISTRY_TAGS {
                return Err(self.too_many(&what, limits::REGISTRY_TAGS, "entries"));
            }
        }
        tags.sort_unstable();
        tags.dedup();
        Ok(tags)
    }

    /// The bytes of one page of a list.
    fn page(&self, answer: Answer<'_>, what: &str) -> Result<Vec<u8>, RegistryError> {
        self.small(answer, what).map_err(|error| match error {
            RegistryError::TooLarge { what, most } => RegistryError::ListTooLarge { what, most },
            other => other,
        })
    }

    /// Where a list goes on: another page of the same list that was not read yet, or nowhere.
    fn next_page(&self, answer: &Answer<'_>, pages: &mut Pages) -> Result<(), RegistryError> {
        let refused = |problem: &str| self.malformed("a list", problem);
        let next = link::next(&answer.headers("link"))
            .map_err(|()| refused("its Link header cannot be read"))?;
        let Some(target) = next else {
            pages.next = None;
            return Ok(());
        };
        let elsewhere = || refused("its next page is none of this list");
        let this = pages.next.as_ref().unwrap_or(&pages.first);
        let next = this.join(&target).map_err(|_| elsewhere())?;
        let same = super::client::is_same_place(&next, &pages.first);
        if !same || next.path() != pages.first.path() {
            return Err(elsewhere());
        }
        if !pages.asked.insert(next.to_string()) {
            return Err(refused("its pages go round"));
        }
        pages.next = Some(next);
        Ok(())
    }

    pub(super) fn odd(&self, subject: Digest, problem: impl Into<String>) -> RegistryError {
        RegistryError::Referrers {
            host: self.host().to_owned(),
            subject,
            problem: problem.into(),
        }
    }

    fn too_many(&self, what: &str, most: usize, unit: &str) -> RegistryError {
        RegistryError::ListTooLarge {
            what: format!("{what} of {}", self.host()),
            most: format!("{most} {unit}"),
        }
    }
}

/// The pages of one list.
struct Pages {
    first: Url,
    next: Option<Url>,
    asked: BTreeSet<String>,
}

impl Pages {
    fn new(first: Url) -> Self {
        Self {
            asked: BTreeSet::from([first.to_string()]),
            next: Some(first.clone()),
            first,
        }
    }
}
