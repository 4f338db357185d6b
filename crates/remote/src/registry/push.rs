//! What is written to one repository: blobs, manifests, and what is attached to them.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::time::Duration;

use attest_digest::{Artifact, Digest, Hashes};
use serde_json::{Value, json};

use super::client::Question;
use super::error::RegistryError;
use super::reference::Name;
use super::referrers::{Descriptor, ReferrersSource, fallback_tag};
use super::repository::{INDEX, Repository};
use crate::http::{Url, Verb};
use crate::limits;

/// Whether something had to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// It was not there.
    New,
    /// The registry says that it has it.
    Already,
}

impl Repository<'_> {
    /// Keeps a blob, unless the registry has it.
    ///
    /// # Errors
    /// The registry does not take it; `source` has other bytes: then nothing is kept. `registry-not-kept`:
    /// it says that it has it, and it is not there.
    pub fn push_blob(
        &self,
        digest: Digest,
        size: u64,
        source: &mut dyn Read,
    ) -> Result<Pushed, RegistryError> {
        if self.has_blob(digest, size)? {
            return Ok(Pushed::Already);
        }
        if size <= limits::REGISTRY_CHUNK_BYTES as u64 {
            self.push_whole(digest, size, source)?;
        } else {
            self.push_in_pieces(digest, size, source)?;
        }
        for round in 0..ROUNDS {
            if self.has_blob(digest, size)? {
                return Ok(Pushed::New);
            }
            // It shows what it has in its own time.
            self.wait(round);
        }
        let problem = "it was taken, and is not there".to_owned();
        Err(self.not_kept(&format!("blob {digest}"), problem))
    }

    /// Whether a blob is there: by its size, as the registry says; what is small is read.
    ///
    /// # Errors
    /// It could not be asked; `registry-differs`: it gives other bytes; `registry-not-kept`: it says that it
    /// has it, and does not.
    pub fn has_blob(&self, digest: Digest, size: u64) -> Result<bool, RegistryError> {
        let problem = match self.blob_size(digest)? {
            None => return Ok(false),
            Some(found) if found != size => {
                format!("it has {found} bytes under that digest, wanted {size}")
            }
            Some(_) if size > READ_BACK || self.blob(digest, size)?.is_some() => return Ok(true),
            Some(_) => "it says that it has it, and does not hand it out".to_owned(),
        };
        Err(self.not_kept(&format!("blob {digest}"), problem))
    }

    /// Whether the registry keeps bytes under a digest that is not theirs. It is one that nothing has.
    ///
    /// # Errors
    /// It could not be asked.
    pub(super) fn takes_other_bytes(&self) -> Result<bool, RegistryError> {
        let digest = Artifact::of_bytes(PROBE_NAME, Hashes::Sha256).sha256();
        let upload = self.begin(digest)?;
        match self.close(upload, digest, Some(PROBE_BYTES)) {
            Ok(()) => Ok(true),
            Err(RegistryError::Status { status, .. }) if (400..429).contains(&status) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn push_whole(
        &self,
        digest: Digest,
        size: u64,
        source: &mut dyn Read,
    ) -> Result<(), RegistryError> {
        let mut bytes = Vec::new();
        source
            .take(size.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|source| RegistryError::Source { digest, source })?;
        check(&Artifact::of_bytes(&bytes, Hashes::Sha256), digest, size)?;
        let upload = self.begin(digest)?;
        self.close(upload, digest, Some(&bytes))
    }

    fn push_in_pieces(
        &self,
        digest: Digest,
        size: u64,
        source: &mut dyn Read,
    ) -> Result<(), RegistryError> {
        let mut sending = Sending {
            repository: self,
            what: format!("blob {digest}"),
            source,
            upload: self.begin(digest)?,
            piece: Vec::new(),
            sent: 0,
            failed: None,
        };
        let read = Artifact::read(&mut sending, Hashes::Sha256);
        if let Some(failed) = sending.failed.take() {
            return Err(failed);
        }
        let artifact = read.map_err(|error| RegistryError::Source {
            digest,
            source: io::Error::other(error),
        })?;
        // Nothing is kept before the upload is closed.
        if let Err(error) = check(&artifact, digest, size) {
            self.give_up(sending.upload);
            return Err(error);
        }
        sending.flush()?;
        let upload = sending.upload;
        self.close(upload, digest, None)
    }

    /// Opens an upload: the address to which the bytes go.
    fn begin(&self, digest: Digest) -> Result<Url, RegistryError> {
        let what = format!("an upload of {digest}");
        let url = self.url("blobs/uploads/")?;
        let answer = self.write(Verb::Post, url.clone(), Vec::new(), Some(&[]), &what)?;
        if answer.status() != 202 {
            return Err(self.refused(answer, &what));
        }
        self.location(&answer, &url, &what)
    }

    /// The address to go on with. It may be on another host, which then gets no credentials.
    fn location(
        &self,
        answer: &crate::http::Answer<'_>,
        from: &Url,
        what: &str,
    ) -> Result<Url, RegistryError> {
        let to = answer.header("location").unwrap_or_default();
        let refused = |problem| RegistryError::Redirect {
            host: self.host().to_owned(),
            to: to.chars().take_while(|it| *it != '?').take(200).collect(),
            what: what.to_owned(),
            problem,
        };
        if to.is_empty() {
            return Err(refused("it names no place for the bytes"));
        }
        let url = from.join(to).map_err(|_| refused("it is no address"))?;
        self.registry.check_address(self, &url).map_err(refused)?;
        Ok(url)
    }

    fn close(
        &self,
        mut upload: Url,
        digest: Digest,
        bytes: Option<&[u8]>,
    ) -> Result<(), RegistryError> {
        let what = format!("blob {digest}");
        upload
            .query_pairs_mut()
            .append_pair("digest", &digest.to_string());
        let headers = vec![("content-type", OCTETS.to_owned())];
        let body = bytes.unwrap_or_default();
        let answer = self.write(Verb::Put, upload, headers, Some(body), &what)?;
        match answer.status() {
            201 | 204 => Ok(()),
            _ => Err(self.refused(answer, &what)),
        }
    }

    fn give_up(&self, upload: Url) {
        // The registry forgets it in time, if not now.
        let _ = self.write(Verb::Delete, upload, Vec::new(), None, "an upload");
    }

    fn write(
        &self,
        verb: Verb,
        url: Url,
        headers: Vec<(&'static str, String)>,
        body: Option<&[u8]>,
        what: &str,
    ) -> Result<crate::http::Answer<'_>, RegistryError> {
        let question = Question {
            verb,
            url,
            accept: None,
            headers,
            body,
            size: 0,
            what: what.to_owned(),
            follow: false,
        };
        self.registry.send(self, &question)
    }

    /// Writes a manifest under its digest, and under a tag if one is given; then reads it again from
    /// there.
    ///
    /// # Errors
    /// The registry does not take it; `registry-not-kept`: what is there afterwards is something else.
    pub fn push_manifest(
        &self,
        tag: Option<&str>,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<Digest, RegistryError> {
        let digest = Artifact::of_bytes(bytes, Hashes::Sha256).sha256();
        let name = match tag {
            Some(tag) => Name::Tag(tag.to_owned()),
            None => Name::Digest(digest),
        };
        let last = tag.map_or_else(|| digest.to_string(), str::to_owned);
        let what = format!("manifest {last}");
        let url = self.url(&format!("manifests/{last}"))?;
        let headers = vec![("content-type", media_type.to_owned())];
        let answer = self.write(Verb::Put, url, headers, Some(bytes), &what)?;
        if !matches!(answer.status(), 200..=202) {
            return Err(self.refused(answer, &what));
        }
        match self.manifest(&name)? {
            Some(kept) if kept.digest() == digest => Ok(digest),
            Some(kept) => Err(self.not_kept(&what, format!("{} is there", kept.digest()))),
            None => Err(self.not_kept(&what, "nothing is there".to_owned())),
        }
    }

    /// Writes a manifest that is attached to another, and sees to it that it is listed: by the registry,
    /// or where it keeps no lists under the tag that stands for one.
    ///
    /// # Errors
    /// The registry does not take it; `registry-not-kept`: it is not listed afterwards.
    pub fn attach(
        &self,
        subject: Digest,
        manifest: &[u8],
        descriptor: &Descriptor,
    ) -> Result<ReferrersSource, RegistryError> {
        self.push_manifest(None, &descriptor.media_type, manifest)?;
        self.list_as_attached(subject, descriptor)
    }

    /// Sees to it that a manifest that is there is listed as attached to another.
    ///
    /// # Errors
    /// As [`Self::attach`].
    pub fn list_as_attached(
        &self,
        subject: Digest,
        descriptor: &Descriptor,
    ) -> Result<ReferrersSource, RegistryError> {
        for round in 0..ROUNDS {
            let is_ours = |it: &Descriptor| it.digest == descriptor.digest;
            match self.listed(subject)? {
                Some(list) if list.iter().any(is_ours) => return Ok(ReferrersSource::Api),
                // It lists what it has in its own time.
                Some(_) => self.wait(round),
                None => {
                    let found = self.referrers(subject)?;
                    if found.list.iter().any(is_ours) {
                        return Ok(ReferrersSource::Tag);
                    }
                    if round > 0 {
                        self.wait(round);
                    }
                    // Whoever else writes it now may lose ours, or we theirs: so it is read again.
                    let index = index_with(&found.list, descriptor);
                    let tag = fallback_tag(subject);
                    match self.push_manifest(Some(&tag), INDEX, index.as_bytes()) {
                        Ok(_) | Err(RegistryError::NotKept { .. }) => {}
                        Err(error) => return Err(error),
                    }
                }
            }
        }
        let found = self.referrers(subject)?;
        if found.list.iter().any(|it| it.digest == descriptor.digest) {
            return Ok(found.source);
        }
        let what = format!("{} as attached to {subject}", descriptor.digest);
        Err(self.not_kept(&what, "it is not in the list".to_owned()))
    }

    fn wait(&self, round: u32) {
        self.registry.pause(Duration::from_millis(100 << round));
    }

    fn not_kept(&self, what: &str, problem: String) -> RegistryError {
        RegistryError::NotKept {
            host: self.host().to_owned(),
            what: what.to_owned(),
            problem,
        }
    }
}

/// The index that stands for a list, with one entry more.
fn index_with(list: &[Descriptor], more: &Descriptor) -> String {
    let entries = list.iter().chain([more]).map(Descriptor::to_value);
    let index: BTreeMap<&str, Value> = BTreeMap::from([
        ("schemaVersion", json!(2)),
        ("mediaType", json!(INDEX)),
        ("manifests", Value::Array(entries.collect())),
    ]);
    json!(index).to_string()
}

/// What is to be pushed is what it is called.
fn check(found: &Artifact, digest: Digest, size: u64) -> Result<(), RegistryError> {
    if found.sha256() == digest && found.size() == size {
        return Ok(());
    }
    let problem = format!("they are {} of {} bytes", found.sha256(), found.size());
    Err(RegistryError::Source {
        digest,
        source: io::Error::new(io::ErrorKind::InvalidData, problem),
    })
}

/// Bytes on their way to a registry, in pieces.
struct Sending<'a> {
    repository: &'a Repository<'a>,
    what: String,
    source: &'a mut dyn Read,
    upload: Url,
    piece: Vec<u8>,
    sent: u64,
    failed: Option<RegistryError>,
}

impl Sending<'_> {
    fn flush(&mut self) -> Result<(), RegistryError> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let last = self.sent + self.piece.len() as u64 - 1;
        let headers = vec![
            ("content-type", OCTETS.to_owned()),
            ("content-range", format!("{}-{last}", self.sent)),
        ];
        let (repository, upload) = (self.repository, self.upload.clone());
        let answer = repository.write(
            Verb::Patch,
            upload.clone(),
            headers,
            Some(&self.piece),
            &self.what,
        )?;
        if answer.status() != 202 {
            return Err(repository.refused(answer, &self.what));
        }
        self.upload = repository.location(&answer, &upload, &self.what)?;
        self.sent = last + 1;
        self.piece.clear();
        Ok(())
    }
}

impl Read for Sending<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        let bytes = buffer.get(..count).unwrap_or_default();
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= limits::REGISTRY_CHUNK_BYTES
            && let Err(error) = self.flush()
        {
            self.failed = Some(error);
            return Err(io::Error::other("stopped"));
        }
        Ok(count)
    }
}

/// What a registry is asked to keep under the digest of something else, and must not.
const PROBE_BYTES: &[u8] = b"attest asks whether other bytes are kept under this digest\n";
const PROBE_NAME: &[u8] = b"attest never sends these bytes\n";
const OCTETS: &str = "application/octet-stream";
/// Blobs of at most so many bytes are read to see whether they are there: configurations and bundles are.
const READ_BACK: u64 = 1 << 20;
/// How often a list or a blob is asked for again before it counts as one that was not kept.
const ROUNDS: u32 = 4;
