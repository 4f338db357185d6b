//! Repositories that take files by `PUT` and give them by `GET`: Nexus raw, Artifactory generic, any web
//! server with `DAV`.

use std::io::Read;

use attest_digest::Digest;

use super::web::{Reader, Web};
use super::{Finished, Logins, Target};
use crate::http::exchange::{Exchange, Verb};
use crate::http::{Answer, Url};
use crate::place::{PlaceError, Reach, parse_url};
use crate::s3::Created;

/// A folder of such a repository.
pub struct HttpRepository {
    base: Url,
    web: Web,
    uploads: Exchange,
}

impl HttpRepository {
    /// The folder at this address. Nothing is sent yet.
    ///
    /// # Errors
    /// `place-address`; this machine cannot make connections.
    pub fn new(address: &str, logins: &Logins, reach: Reach) -> Result<Self, PlaceError> {
        let mut base = parse_url(address, reach.plain_http)?;
        if !base.path().ends_with('/') {
            let path = format!("{}/", base.path());
            base.set_path(&path);
        }
        let login = base.host_str().and_then(|host| logins.basic(host));
        let login = login.map(|login| (base.clone(), login));
        let web = Web::new(base.to_string(), reach, login)?;
        Ok(Self {
            uploads: web.exchange(&base)?,
            base,
            web,
        })
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        // An address that is called has a path, or parsing has refused it.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path.split('/'));
        }
        url
    }
}

impl Target for HttpRepository {
    fn name(&self) -> String {
        self.web.name().to_owned()
    }

    /// Paths of a release have no `.` and `..`; everything else can be written in a URL.
    fn admits(&self, _: &str) -> bool {
        true
    }

    fn begin(&mut self) -> Result<(), PlaceError> {
        Ok(())
    }

    fn open(&self, path: &str, size: u64) -> Result<Option<Box<dyn Read + '_>>, PlaceError> {
        let url = self.url(path);
        let answer = self.web.get(Reader::We, &url, &[], size)?;
        match answer.status() {
            200 if is_other_page(path, size, &answer) => Err(self.web.malformed(format!(
                "a web page of another size under {path}, perhaps to log in"
            ))),
            200 => Ok(Some(Box::new(answer))),
            404 | 410 => Ok(None),
            _ => Err(self.web.refusal(&url, answer)),
        }
    }

    fn create(
        &mut self,
        path: &str,
        (sha256, size): (Digest, u64),
        source: &mut dyn Read,
    ) -> Result<Created, PlaceError> {
        let url = self.url(path);
        let headers = vec![
            // Some honour it; the others were asked before whether something is there.
            ("if-none-match", "*".to_owned()),
            ("content-type", "application/octet-stream".to_owned()),
            // Artifactory keeps nothing else.
            ("x-checksum-sha256", sha256.hex()),
        ];
        let what = ((sha256, size), source);
        let answer = self
            .web
            .upload(&self.uploads, Verb::Put, url.clone(), headers, what)?;
        match answer.status() {
            200 | 201 | 202 | 204 => Ok(Created::New),
            412 => Ok(Created::Exists),
            _ => Err(self.web.upload_refusal(&url, answer)),
        }
    }

    fn finish(&mut self) -> Result<Finished, PlaceError> {
        Ok(Finished::AsItWas)
    }
}

/// Whether what is given is a page that cannot be the file: one for people, in the place of all files alike.
fn is_other_page(path: &str, size: u64, answer: &Answer<'_>) -> bool {
    let is_page = answer.content_type() == "text/html";
    let length = answer
        .header("content-length")
        .and_then(|it| it.parse().ok());
    let is_named_so = [".html", ".htm", ".xhtml"]
        .iter()
        .any(|it| path.ends_with(it));
    is_page && !is_named_so && length != Some(size)
}
