//! What is read from one repository: manifests and blobs, each held to its digest.

use std::io::{self, Read, Write};

use attest_digest::{Artifact, Digest, Hashes};
use attest_provenance::json::{self, Object};
use serde_json::Value;

use super::client::{Access, Question, Registry};
use super::error::RegistryError;
use super::reference::{Name, Reference};
use crate::dial::DialError;
use crate::http::{Answer, Url, Verb};
use crate::limits;

/// One repository of a registry.
#[derive(Debug)]
pub struct Repository<'r> {
    pub(super) registry: &'r Registry,
    reference: Reference,
    /// Who is asked: a mirror, perhaps.
    host: String,
    base: Url,
    access: Access,
}

/// A manifest whose bytes were hashed here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    digest: Digest,
    media_type: String,
    bytes: Vec<u8>,
}

impl Fetched {
    /// The SHA-256 of its bytes, as it was computed.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// As what it was served, which its bytes do not contradict.
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether it lists other manifests.
    pub fn is_index(&self) -> bool {
        is_index(&self.media_type)
    }
}

impl<'r> Repository<'r> {
    pub(super) fn new(
        registry: &'r Registry,
        reference: &Reference,
        host: String,
        base: Url,
        access: Access,
    ) -> Self {
        Self {
            registry,
            reference: reference.with(Name::None),
            host,
            base,
            access,
        }
    }

    /// What it is called.
    pub const fn reference(&self) -> &Reference {
        &self.reference
    }

    /// Who is asked: the mirror, if there is one.
    pub fn host(&self) -> &str {
        &self.host
    }

    pub(super) const fn base(&self) -> &Url {
        &self.base
    }

    /// Whose token this needs.
    pub(super) fn key(&self) -> (String, String, Access) {
        let repository = self.reference.repository().to_owned();
        (self.host.clone(), repository, self.access)
    }

    /// What a token is asked for.
    pub(super) fn scope(&self) -> String {
        let actions = match self.access {
            Access::Pull => "pull",
            Access::Push => "pull,push",
        };
        format!("repository:{}:{actions}", self.reference.repository())
    }

    /// The manifest of that name; `None` if there is none.
    ///
    /// # Errors
    /// It could not be had, has more bytes than are read, or is not what its name or the registry says.
    pub fn manifest(&self, name: &Name) -> Result<Option<Fetched>, RegistryError> {
        let (last, wanted) = match name {
            Name::Tag(tag) => (tag.clone(), None),
            Name::Digest(digest) => (digest.to_string(), Some(*digest)),
            Name::None => return Err(self.unnamed()),
        };
        let what = format!("manifest {last}");
        let answer = self.get(
            &format!("manifests/{last}"),
            Some(MANIFESTS),
            wanted.is_some(),
            &what,
        )?;
        let Some(answer) = self.found(answer, &what)? else {
            return Ok(None);
        };
        let media_type = answer.content_type();
        if ![IMAGE, INDEX, DOCKER_IMAGE, DOCKER_LIST].contains(&media_type.as_str()) {
            return Err(self.content_type(&what, media_type, "a manifest or an index"));
        }
        let claimed = answer.header("docker-content-digest").map(str::to_owned);
        let bytes = self.small(answer, &what)?;
        let digest = Artifact::of_bytes(&bytes, Hashes::Sha256).sha256();
        if let Some(wanted) = wanted
            && wanted != digest
        {
            return Err(self.differs(&what, &digest, &wanted));
        }
        // Not needed, and no evidence: but a registry that contradicts itself is not to be relied on.
        if let Some(claimed) = claimed.filter(|it| it.starts_with("sha256:"))
            && claimed != digest.to_string()
        {
            let problem = format!("its Docker-Content-Digest is {claimed:?}, and it is {digest}");
            return Err(self.malformed(&what, &problem));
        }
        self.check_type(&bytes, &media_type, &what)?;
        Ok(Some(Fetched {
            digest,
            media_type,
            bytes,
        }))
    }

    /// The manifest of that name, which must be there.
    ///
    /// # Errors
    /// As [`Self::manifest`], and `registry-not-found`.
    pub fn demand(&self, name: &Name) -> Result<Fetched, RegistryError> {
        self.manifest(name)?.ok_or_else(|| RegistryError::NotFound {
            host: self.host.clone(),
            what: self.reference.with(name.clone()).to_string(),
        })
    }

    /// Whether a tag still names what it named.
    ///
    /// # Errors
    /// `registry-tag-moved`; it could not be read again.
    pub fn check_tag(&self, tag: &str, named: Digest) -> Result<(), RegistryError> {
        let now = self.manifest(&Name::Tag(tag.to_owned()))?;
        if now.as_ref().is_some_and(|it| it.digest == named) {
            return Ok(());
        }
        Err(RegistryError::TagMoved {
            host: self.host.clone(),
            tag: tag.to_owned(),
            before: named.to_string(),
            after: now.map_or_else(|| "nothing".to_owned(), |it| it.digest.to_string()),
        })
    }

    /// The bytes of a blob that fits into memory; `None` if there is none.
    ///
    /// # Errors
    /// It could not be had, or is not the one of that digest and size.
    pub fn blob(&self, digest: Digest, size: u64) -> Result<Option<Vec<u8>>, RegistryError> {
        let mut bytes = Vec::new();
        let found = self.pull_blob(digest, size, &mut bytes)?;
        Ok(found.then_some(bytes))
    }

    /// Writes the bytes of a blob; `false` if there is none. What was written is the blob only if this
    /// returns without an error: write it where nobody takes it for one before.
    ///
    /// # Errors
    /// It could not be had or written, or is not the one of that digest and size.
    pub fn pull_blob(
        &self,
        digest: Digest,
        size: u64,
        to: &mut dyn Write,
    ) -> Result<bool, RegistryError> {
        let Some(answer) = self.open(digest, size)? else {
            return Ok(false);
        };
        let what = format!("blob {digest}");
        let mut copying = Copying {
            from: answer,
            to,
            left: size,
            failed: None,
        };
        let read = Artifact::read(&mut copying, Hashes::Sha256);
        let failed = copying.failed.take();
        let artifact = match (read, failed) {
            (_, Some(Failed::Larger)) => {
                return Err(self.differs(&what, &"more bytes", &format!("{size} bytes")));
            }
            (_, Some(Failed::Sink(source))) => return Err(RegistryError::Sink { digest, source }),
            (_, Some(Failed::Line(error))) => return Err(error.into()),
            (Err(error), None) => {
                let source = io::Error::other(error);
                return Err(RegistryError::Sink { digest, source });
            }
            (Ok(artifact), None) => artifact,
        };
        if artifact.size() != size {
            let found = format!("{} bytes", artifact.size());
            return Err(self.differs(&what, &found, &format!("{size} bytes")));
        }
        if artifact.sha256() != digest {
            return Err(self.differs(&what, &artifact.sha256(), &digest));
        }
        Ok(true)
    }

    /// A stream of whatever the registry has under that digest: who reads it counts and hashes.
    ///
    /// # Errors
    /// It could not be had. What goes wrong later is an error of the stream.
    pub fn blob_unchecked(
        &self,
        digest: Digest,
        size: u64,
    ) -> Result<Option<Box<dyn Read + 'r>>, RegistryError> {
        let answer = self.open(digest, size)?;
        Ok(answer.map(|it| Box::new(it) as Box<dyn Read + 'r>))
    }

    /// A stream of whatever the registry has under the digest of a manifest: who reads it counts and
    /// hashes.
    ///
    /// # Errors
    /// As [`Self::blob_unchecked`].
    pub fn manifest_unchecked(
        &self,
        digest: Digest,
        size: u64,
    ) -> Result<Option<Box<dyn Read + 'r>>, RegistryError> {
        let what = format!("manifest {digest}");
        let answer = self.stream(&format!("manifests/{digest}"), Some(MANIFESTS), size, &what)?;
        Ok(answer.map(|it| Box::new(it) as Box<dyn Read + 'r>))
    }

    /// The size of a blob, as the registry says; `None` if it has none.
    ///
    /// # Errors
    /// It could not be asked, or does not say.
    pub fn blob_size(&self, digest: Digest) -> Result<Option<u64>, RegistryError> {
        self.size_of(&format!("blobs/{digest}"), &format!("blob {digest}"))
    }

    /// The size of a manifest, as the registry says; `None` if it has none.
    ///
    /// # Errors
    /// It could not be asked, or does not say.
    pub fn manifest_size(&self, digest: Digest) -> Result<Option<u64>, RegistryError> {
        self.size_of(
            &format!("manifests/{digest}"),
            &format!("manifest {digest}"),
        )
    }

    fn size_of(&self, path: &str, what: &str) -> Result<Option<u64>, RegistryError> {
        let answer = self.registry.send(
            self,
            &Question {
                verb: Verb::Head,
                url: self.url(path)?,
                accept: path.starts_with("manifests").then_some(MANIFESTS),
                headers: Vec::new(),
                body: None,
                size: 0,
                what: what.to_owned(),
                follow: true,
            },
        )?;
        match answer.status() {
            200 => {
                let length = answer.header("content-length");
                let length = length.and_then(|it| it.parse().ok());
                let length = length.ok_or_else(|| self.malformed("a size", "no Content-Length"))?;
                Ok(Some(length))
            }
            404 => Ok(None),
            _ => Err(self.refused(answer, what)),
        }
    }

    fn open(&self, digest: Digest, size: u64) -> Result<Option<Answer<'r>>, RegistryError> {
        self.stream(
            &format!("blobs/{digest}"),
            None,
            size,
            &format!("blob {digest}"),
        )
    }

    /// What is there under the name of its digest, which may come from anywhere.
    fn stream(
        &self,
        path: &str,
        accept: Option<&'static str>,
        size: u64,
        what: &str,
    ) -> Result<Option<Answer<'r>>, RegistryError> {
        let question = Question {
            verb: Verb::Get,
            url: self.url(path)?,
            accept,
            headers: Vec::new(),
            body: None,
            size,
            what: what.to_owned(),
            follow: true,
        };
        let answer = self.registry.send(self, &question)?;
        self.found(answer, what)
    }

    /// Asks for something in this repository.
    pub(super) fn get(
        &self,
        path: &str,
        accept: Option<&'static str>,
        follow: bool,
        what: &str,
    ) -> Result<Answer<'_>, RegistryError> {
        let url = self.url(path)?;
        self.get_url(url, accept, follow, what)
    }

    pub(super) fn get_url(
        &self,
        url: Url,
        accept: Option<&'static str>,
        follow: bool,
        what: &str,
    ) -> Result<Answer<'_>, RegistryError> {
        let question = Question {
            verb: Verb::Get,
            url,
            accept,
            headers: Vec::new(),
            body: None,
            size: 0,
            what: what.to_owned(),
            follow,
        };
        self.registry.send(self, &question)
    }

    pub(super) fn url(&self, path: &str) -> Result<Url, RegistryError> {
        self.base.join(path).map_err(|_| self.unnamed())
    }

    /// The answer if it is one, `None` if there is no such thing. A web page says neither.
    pub(super) fn found<'a>(
        &self,
        answer: Answer<'a>,
        what: &str,
    ) -> Result<Option<Answer<'a>>, RegistryError> {
        match answer.status() {
            200 => Ok(Some(answer)),
            404 if answer.content_type() == "text/html" => {
                Err(self.content_type(what, answer.content_type(), "a registry's answer"))
            }
            404 => Ok(None),
            _ => Err(self.refused(answer, what)),
        }
    }

    /// Bytes that fit into memory.
    pub(super) fn small(&self, answer: Answer<'_>, what: &str) -> Result<Vec<u8>, RegistryError> {
        let body = answer.body(limits::REGISTRY_MANIFEST_BYTES)?;
        body.ok_or_else(|| RegistryError::TooLarge {
            what: format!("{what} of {}", self.host),
            most: format!("{} bytes", limits::REGISTRY_MANIFEST_BYTES),
        })
    }

    /// A manifest that says another type than it is served as is read by one program as an image and by
    /// another as an index.
    fn check_type(&self, bytes: &[u8], served: &str, what: &str) -> Result<(), RegistryError> {
        let mut object = parse_object(bytes).map_err(|problem| self.malformed(what, &problem))?;
        match object.take_optional("mediaType") {
            // It says nothing: then what it holds does.
            None | Some(Value::Null) if object.has("manifests") == is_index(served) => Ok(()),
            None | Some(Value::Null) => {
                let problem = format!("it is served as {served}, and is none");
                Err(self.malformed(what, &problem))
            }
            Some(Value::String(said)) if said == served => Ok(()),
            Some(said) => {
                let problem = format!("it says {said}, and is served as {served}");
                Err(self.malformed(what, &problem))
            }
        }
    }

    /// Why an answer with another status than was hoped for is none.
    pub(super) fn refused(&self, answer: Answer<'_>, what: &str) -> RegistryError {
        let status = answer.status();
        let host = self.host.clone();
        let what = what.to_owned();
        let said = match answer.body(ERROR_BYTES) {
            Ok(Some(body)) => said(&body),
            _ => String::new(),
        };
        if matches!(status, 401 | 403) {
            let credentials = self.registry.credentials_in_words(&self.host);
            return RegistryError::Denied {
                host,
                status,
                said,
                what,
                credentials,
            };
        }
        RegistryError::Status {
            host,
            status,
            said,
            what,
        }
    }

    pub(super) fn malformed(&self, what: &str, problem: &str) -> RegistryError {
        RegistryError::Malformed {
            host: self.host.clone(),
            what: what.to_owned(),
            problem: problem.to_owned(),
        }
    }

    fn differs(
        &self,
        what: &str,
        found: &dyn std::fmt::Display,
        wanted: &dyn std::fmt::Display,
    ) -> RegistryError {
        RegistryError::Differs {
            host: self.host.clone(),
            what: what.to_owned(),
            found: found.to_string(),
            wanted: wanted.to_string(),
        }
    }

    pub(super) fn content_type(
        &self,
        what: &str,
        found: String,
        wanted: &'static str,
    ) -> RegistryError {
        RegistryError::ContentType {
            host: self.host.clone(),
            what: what.to_owned(),
            found,
            wanted,
        }
    }

    fn unnamed(&self) -> RegistryError {
        RegistryError::Reference {
            text: self.reference.to_string(),
            problem: "it names no manifest: a tag or a digest is wanted",
        }
    }
}

/// The codes of an error as the distribution specification has them; whatever else it holds is not shown.
fn said(body: &[u8]) -> String {
    let Ok(mut object) = parse_object(body) else {
        return String::new();
    };
    let errors = object.take_optional_objects("errors", 16);
    let codes = errors.into_iter().flatten();
    let codes: Vec<String> = codes
        .filter_map(|mut error| error.take_string("code").ok())
        .filter(|code| code.len() <= 64)
        .filter(|code| code.bytes().all(|it| it.is_ascii_uppercase() || it == b'_'))
        .collect();
    if codes.is_empty() {
        return String::new();
    }
    format!(" ({})", codes.join(", "))
}

/// An object of JSON with one meaning.
pub(super) fn parse_object(bytes: &[u8]) -> Result<Object, String> {
    let within = json::Limits {
        bytes: usize::try_from(limits::REGISTRY_MANIFEST_BYTES).unwrap_or(usize::MAX),
        depth: DEPTH,
    };
    let value = json::parse(bytes, within).map_err(|error| error.to_string())?;
    Object::new("", value).map_err(|error| error.to_string())
}

/// Bytes on their way to where they are written, at most so many.
struct Copying<'a> {
    from: Answer<'a>,
    to: &'a mut dyn Write,
    left: u64,
    failed: Option<Failed>,
}

enum Failed {
    Larger,
    Sink(io::Error),
    Line(DialError),
}

impl Copying<'_> {
    fn fail(&mut self, failed: Failed) -> io::Error {
        self.failed = Some(failed);
        io::Error::other("stopped")
    }
}

impl Read for Copying<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match self.from.read(buffer) {
            Ok(count) => count,
            Err(error) => {
                let line = error.downcast::<DialError>();
                return Err(match line {
                    Ok(error) => self.fail(Failed::Line(error)),
                    Err(error) => error,
                });
            }
        };
        let Some(left) = self.left.checked_sub(count as u64) else {
            return Err(self.fail(Failed::Larger));
        };
        self.left = left;
        let bytes = buffer.get(..count).unwrap_or_default();
        match self.to.write_all(bytes) {
            Ok(()) => Ok(count),
            Err(error) => Err(self.fail(Failed::Sink(error))),
        }
    }
}

fn is_index(media_type: &str) -> bool {
    matches!(media_type, INDEX | DOCKER_LIST)
}

/// The media type of an image's manifest.
pub const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of an index.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Docker's, of an image's manifest.
pub const DOCKER_IMAGE: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker's, of a list of manifests.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, \
    application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.docker.distribution.manifest.list.v2+json";

/// Bytes of an error that are looked at.
const ERROR_BYTES: u64 = 16 << 10;
/// Objects and arrays inside each other.
const DEPTH: usize = 16;
