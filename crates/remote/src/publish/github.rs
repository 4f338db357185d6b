//! Releases of GitHub, by its REST API: a draft, its files, and at the end what everybody sees.
//!
//! [Releases](https://docs.github.com/rest/releases/releases) and
//! [their assets](https://docs.github.com/rest/releases/assets), version 2022-11-28. Written from the
//! documentation, and tested against a server of ours that answers as it says.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::io::Read;

use attest_digest::Digest;
use serde_json::{Value, json};

use super::web::{Headers, Reader, Web};
use super::{Finished, Target};
use crate::http::exchange::{self, Exchange};
use crate::http::{Answer, Url, Verb};
use crate::limits::{GITHUB_ANSWER_BYTES, GITHUB_ASSET_BYTES, GITHUB_PAGES};
use crate::place::{PlaceError, Reach, parse_url};
use crate::s3::Created;

/// A release of a repository, by its tag.
///
/// ```text
/// github:octo-org/hello@v1.0.0
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitHubAddress {
    owner: String,
    repository: String,
    tag: String,
}

impl GitHubAddress {
    /// Whether a text is meant as such an address.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(SCHEME)
    }

    /// The address that a text says.
    ///
    /// # Errors
    /// `place-address`.
    pub fn parse(text: &str) -> Result<Self, PlaceError> {
        let refused = |problem: &str| PlaceError::Address {
            place: text.to_owned(),
            problem: problem.to_owned(),
        };
        let rest = text.strip_prefix(SCHEME).unwrap_or_default();
        let (repository, tag) = rest
            .split_once('@')
            .ok_or_else(|| refused("write it as github:OWNER/REPOSITORY@TAG"))?;
        let (owner, repository) = repository
            .split_once('/')
            .ok_or_else(|| refused("write it as github:OWNER/REPOSITORY@TAG"))?;
        if !is_name(owner) || !is_name(repository) {
            return Err(refused(
                "names of owners and repositories have letters, digits and -_.",
            ));
        }
        let is_tag = |it: char| it.is_ascii_alphanumeric() || "-_.+/@".contains(it);
        let is_whole = tag.split('/').all(|it| !matches!(it, "" | "." | ".."));
        if !tag.chars().all(is_tag) || !is_whole || tag.len() > TAG {
            return Err(refused("a tag has letters, digits and -_.+/@"));
        }
        Ok(Self {
            owner: owner.to_owned(),
            repository: repository.to_owned(),
            tag: tag.to_owned(),
        })
    }
}

impl std::fmt::Display for GitHubAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{SCHEME}{}/{}@{}", self.owner, self.repository, self.tag)
    }
}

/// A release of GitHub, to publish into.
pub struct GitHub {
    address: GitHubAddress,
    web: Web,
    /// The repository, in the API.
    base: Url,
    title: String,
    release: Option<Release>,
    /// What the repository says of itself, once it was asked: that nobody reads it without a login.
    private: OnceCell<bool>,
}

/// What GitHub has.
struct Release {
    id: u64,
    draft: bool,
    upload: Url,
    uploads: Exchange,
    /// By names.
    assets: BTreeMap<String, Asset>,
    /// The ids of those of a draft whose upload broke off, by names.
    broken: BTreeMap<String, u64>,
}

struct Asset {
    id: u64,
    /// Where everybody reads it.
    public: Option<Url>,
}

impl GitHub {
    /// Nothing is sent yet. `title` is what the release is called if it is made here.
    ///
    /// # Errors
    /// `place-address` for an API that is not called; this machine cannot make connections.
    pub fn new(
        address: GitHubAddress,
        api: &str,
        (token, title): (&str, &str),
        reach: Reach,
    ) -> Result<Self, PlaceError> {
        let mut base = parse_url(api, reach.plain_http)?;
        let path = base.path().trim_end_matches('/').to_owned();
        let (owner, repository) = (&address.owner, &address.repository);
        base.set_path(&format!("{path}/repos/{owner}/{repository}/"));
        let login = (base.clone(), format!("Bearer {token}"));
        Ok(Self {
            web: Web::new(address.to_string(), reach, Some(login))?,
            address,
            base,
            title: title.to_owned(),
            release: None,
            private: OnceCell::new(),
        })
    }

    fn api(&self, path: &str) -> Result<Url, PlaceError> {
        let url = self.base.join(path);
        url.map_err(|_| self.web.malformed("an address that is none"))
    }

    fn json(
        &self,
        verb: Verb,
        url: &Url,
        body: Option<&Value>,
    ) -> Result<Option<Value>, PlaceError> {
        let body = body.map(|it| it.to_string().into_bytes());
        let answer = self.web.ask(verb, url, &headers(), body)?;
        match answer.status() {
            200 | 201 => {}
            404 if verb == Verb::Get => return Ok(None),
            _ => return Err(self.web.refusal(url, answer)),
        }
        let bytes = answer.body(GITHUB_ANSWER_BYTES);
        let bytes = bytes.map_err(|source| self.web.dial(source))?;
        let bytes = bytes.ok_or_else(|| PlaceError::TooLarge {
            place: self.web.name().to_owned(),
            what: "its answer".to_owned(),
            most: GITHUB_ANSWER_BYTES,
        })?;
        let json = serde_json::from_slice(&bytes);
        json.map(Some)
            .map_err(|_| self.web.malformed("what should be JSON is none"))
    }

    /// All items of a list, page by page.
    fn list(&self, path: &str) -> Result<Vec<Value>, PlaceError> {
        let mut all = Vec::new();
        for page in 1..=GITHUB_PAGES {
            let url = self.api(&format!("{path}?per_page={PER_PAGE}&page={page}"))?;
            let Some(Value::Array(items)) = self.json(Verb::Get, &url, None)? else {
                return Err(self.web.malformed("what should be a list is none"));
            };
            let is_last = items.len() < PER_PAGE;
            all.extend(items);
            if is_last {
                return Ok(all);
            }
        }
        Err(PlaceError::TooLarge {
            place: self.web.name().to_owned(),
            what: "a list of releases or files".to_owned(),
            most: (GITHUB_PAGES * PER_PAGE) as u64,
        })
    }

    /// The release of the tag, shown or in the making; drafts are found by looking at all.
    fn find(&self) -> Result<Option<Value>, PlaceError> {
        let tag = &self.address.tag;
        let shown = self.json(Verb::Get, &self.api(&format!("releases/tags/{tag}"))?, None)?;
        if shown.is_some() {
            return Ok(shown);
        }
        let all = self.list("releases")?.into_iter();
        let mut drafts = all.filter(|it| it.get("tag_name").and_then(Value::as_str) == Some(tag));
        let first = drafts.next();
        if drafts.next().is_some() {
            let problem = "it has several drafts for one tag: delete all but one";
            return Err(self.web.malformed(problem));
        }
        Ok(first)
    }

    fn make(&self) -> Result<Value, PlaceError> {
        let body = json!({
            "tag_name": self.address.tag, "name": self.title, "draft": true,
        });
        let made = self.json(Verb::Post, &self.api("releases")?, Some(&body))?;
        made.ok_or_else(|| self.web.malformed("it made nothing"))
    }

    fn read(&self, release: &Value) -> Result<Release, PlaceError> {
        let problem = || self.web.malformed("what should be a release is none");
        let id = release
            .get("id")
            .and_then(Value::as_u64)
            .ok_or_else(problem)?;
        let draft = release.get("draft").and_then(Value::as_bool);
        let is_tag = release.get("tag_name").and_then(Value::as_str) == Some(&self.address.tag);
        if !is_tag {
            return Err(self.web.malformed("it gives the release of another tag"));
        }
        let upload = release.get("upload_url").and_then(Value::as_str);
        let upload = upload.and_then(|it| it.split('{').next());
        let upload = upload
            .and_then(|it| Url::parse(it).ok())
            .ok_or_else(problem)?;
        if !self.takes_uploads(&upload) {
            return Err(self
                .web
                .malformed("it wants files to be sent to another host"));
        }
        Ok(Release {
            id,
            draft: draft.ok_or_else(problem)?,
            uploads: self.web.exchange(&upload)?,
            upload,
            assets: BTreeMap::new(),
            broken: BTreeMap::new(),
        })
    }

    /// The token goes to the API's own host, and for GitHub itself to the one that takes uploads.
    fn takes_uploads(&self, url: &Url) -> bool {
        let is_githubs = self.base.host_str() == Some("api.github.com")
            && url.host_str() == Some("uploads.github.com")
            && url.scheme() == "https"
            && url.port().is_none();
        is_githubs || url.origin() == self.base.origin()
    }

    /// What is there. A file whose upload broke off is no file of a draft.
    fn look(&mut self) -> Result<(), PlaceError> {
        let Some(Release { id, draft, .. }) = self.release else {
            return Ok(());
        };
        let (mut assets, mut broken) = (BTreeMap::new(), BTreeMap::new());
        for item in self.list(&format!("releases/{id}/assets"))? {
            let (name, asset) = self.asset(&item)?;
            let state = item.get("state").and_then(Value::as_str);
            let state = state.ok_or_else(|| self.web.malformed("a file without its state"))?;
            if state == BROKEN && draft {
                broken.insert(name, asset.id);
            } else {
                assets.insert(name, asset);
            }
        }
        if let Some(release) = &mut self.release {
            (release.assets, release.broken) = (assets, broken);
        }
        Ok(())
    }

    fn asset(&self, item: &Value) -> Result<(String, Asset), PlaceError> {
        let number = item.get("id").and_then(Value::as_u64);
        let name = item.get("name").and_then(Value::as_str);
        let (Some(id), Some(name)) = (number, name) else {
            return Err(self.web.malformed("what should be a file is none"));
        };
        let public = item.get("browser_download_url").and_then(Value::as_str);
        let public = public.and_then(|it| Url::parse(it).ok());
        Ok((name.to_owned(), Asset { id, public }))
    }

    fn delete(&self, asset: u64) -> Result<(), PlaceError> {
        let url = self.api(&format!("releases/assets/{asset}"))?;
        let answer = self.web.ask(Verb::Delete, &url, &headers(), None)?;
        match answer.status() {
            204 | 404 => Ok(()),
            _ => Err(self.web.refusal(&url, answer)),
        }
    }

    fn is_private(&self) -> Result<bool, PlaceError> {
        if let Some(known) = self.private.get() {
            return Ok(*known);
        }
        let mut url = self.base.clone();
        url.set_path(self.base.path().trim_end_matches('/'));
        let repository = self.json(Verb::Get, &url, None)?;
        let private = repository
            .as_ref()
            .and_then(|it| it.get("private")?.as_bool());
        let none = || self.web.malformed("what should be a repository is none");
        let private = private.ok_or_else(none)?;
        Ok(*self.private.get_or_init(|| private))
    }

    /// What is shown, as everybody reads it; none of a private repository.
    fn as_anybody(
        &self,
        asset: &Asset,
        path: &str,
        size: u64,
    ) -> Result<Option<Answer<'_>>, PlaceError> {
        let Some(public) = &asset.public else {
            return Err(self
                .web
                .malformed("a file without the address where it is read"));
        };
        let answer = self.web.get(Reader::Anybody, public, &[], size)?;
        match answer.status() {
            200 => Ok(Some(answer)),
            401 | 403 | 404 if self.is_private()? => Ok(None),
            status @ (401 | 403 | 404) => Err(self.web.malformed(format!(
                "it gives {path} to nobody without a login ({status}), and says that it is not private"
            ))),
            _ => Err(self.web.refusal(public, answer)),
        }
    }

    fn release(&self) -> Result<&Release, PlaceError> {
        let none = || self.web.malformed("nobody has looked at it yet");
        self.release.as_ref().ok_or_else(none)
    }
}

impl Target for GitHub {
    fn name(&self) -> String {
        self.web.name().to_owned()
    }

    /// Files of a release have no folders there, and other characters are replaced.
    fn admits(&self, path: &str) -> bool {
        let is_kept = |it: char| it.is_ascii_alphanumeric() || "-_.+".contains(it);
        path.chars().all(is_kept) && !path.starts_with('.') && !path.ends_with('.')
    }

    fn most(&self) -> u64 {
        GITHUB_ASSET_BYTES
    }

    fn begin(&mut self) -> Result<(), PlaceError> {
        let release = match self.find()? {
            Some(release) => release,
            None => self.make()?,
        };
        self.release = Some(self.read(&release)?);
        self.look()
    }

    /// A draft is read by its maker, a release as everybody reads it: without a login, unless nobody may
    /// read the repository without one.
    fn open(&self, path: &str, size: u64) -> Result<Option<Box<dyn Read + '_>>, PlaceError> {
        let release = self.release()?;
        let Some(asset) = release.assets.get(path) else {
            return Ok(None);
        };
        if !release.draft
            && let Some(answer) = self.as_anybody(asset, path, size)?
        {
            return Ok(Some(Box::new(answer)));
        }
        let url = self.api(&format!("releases/assets/{}", asset.id))?;
        let mut headers = headers();
        headers.retain(|(name, _)| *name != "accept");
        headers.push(("accept", "application/octet-stream".to_owned()));
        let answer = self.web.get(Reader::We, &url, &headers, size)?;
        match answer.status() {
            200 => Ok(Some(Box::new(answer))),
            404 => Ok(None),
            _ => Err(self.web.refusal(&url, answer)),
        }
    }

    fn create(
        &mut self,
        path: &str,
        what: (Digest, u64),
        source: &mut dyn Read,
    ) -> Result<Created, PlaceError> {
        // Ours alone is taken away: another's may be on its way.
        if let Some(id) = self.release()?.broken.get(path) {
            self.delete(*id)?;
        }
        let release = self.release()?;
        let mut url = release.upload.clone();
        url.query_pairs_mut().clear().append_pair("name", path);
        let mut headers = headers();
        headers.push(("content-type", "application/octet-stream".to_owned()));
        let sent = self.web.upload(
            &release.uploads,
            exchange::Verb::Post,
            url.clone(),
            headers,
            (what, source),
        )?;
        match sent.status() {
            201 => {
                let bytes = sent.bytes(GITHUB_ANSWER_BYTES);
                let bytes = bytes.map_err(|source| self.web.dial(source))?;
                let json = serde_json::from_slice(&bytes.unwrap_or_default());
                let json = json.map_err(|_| self.web.malformed("what should be JSON is none"))?;
                let (name, asset) = self.asset(&json)?;
                if name != path {
                    let problem = "a file that it took has another name there";
                    return Err(self.web.malformed(problem));
                }
                if let Some(release) = &mut self.release {
                    release.assets.insert(name, asset);
                }
                Ok(Created::New)
            }
            // What it has under that name is read back like everything else.
            422 => {
                self.look()?;
                Ok(Created::Exists)
            }
            _ => Err(self.web.upload_refusal(&url, sent)),
        }
    }

    fn remark(&self) -> Option<&'static str> {
        let private = self.private.get() == Some(&true);
        private.then_some("read with the token, for the repository is private")
    }

    fn finish(&mut self) -> Result<Finished, PlaceError> {
        let release = self.release()?;
        if !release.draft {
            return Ok(Finished::AsItWas);
        }
        let url = self.api(&format!("releases/{}", release.id))?;
        let body = json!({ "draft": false });
        let shown = self.json(Verb::Patch, &url, Some(&body))?;
        let shown = shown.ok_or_else(|| self.web.malformed("it shows nothing"))?;
        let shown = self.read(&shown)?;
        if shown.draft {
            return Err(self.web.malformed("it is a draft still"));
        }
        self.release = Some(shown);
        self.look()?;
        Ok(Finished::Shown)
    }
}

fn headers() -> Headers {
    vec![
        ("accept", "application/vnd.github+json".to_owned()),
        ("x-github-api-version", "2022-11-28".to_owned()),
    ]
}

fn is_name(text: &str) -> bool {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "-_.".contains(it);
    !text.is_empty()
        && text.len() <= 100
        && text.chars().all(is_plain)
        && !matches!(text, "." | "..")
}

const SCHEME: &str = "github:";
/// The state of a file whose upload broke off.
const BROKEN: &str = "starter";
const TAG: usize = 200;
const PER_PAGE: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Patience;
    use crate::place::PlainHttp;

    fn at(api: &str) -> GitHub {
        let address = GitHubAddress::parse("github:o/r@v1").unwrap();
        let second = std::time::Duration::from_secs(1);
        let patience = Patience {
            connect: second,
            total: second,
        };
        let reach = Reach {
            patience,
            plain_http: PlainHttp::Loopback,
            authorities: Vec::new(),
        };
        GitHub::new(address, api, ("token", "r 1"), reach).unwrap()
    }

    #[test]
    fn the_token_goes_to_the_api_and_to_githubs_own_uploads_alone() {
        let takes = |api: &str, to: &str| at(api).takes_uploads(&Url::parse(to).unwrap());
        let github = "https://api.github.com";
        assert!(takes(
            github,
            "https://uploads.github.com/repos/o/r/releases/1/assets"
        ));
        assert!(takes(
            "https://ghe.example/api/v3",
            "https://ghe.example/api/uploads/x"
        ));
        for (api, to) in [
            (github, "https://uploads.github.com.example/x"),
            (github, "http://uploads.github.com/x"),
            (github, "https://uploads.github.com:444/x"),
            ("https://ghe.example/api/v3", "https://uploads.github.com/x"),
            ("https://ghe.example/api/v3", "http://ghe.example/x"),
        ] {
            assert!(!takes(api, to), "{api} {to}");
        }
    }

    #[test]
    fn names_that_github_would_change_are_not_taken() {
        let target = at("https://api.github.com");
        for path in ["hello", "a.tar.gz", "SHA256SUMS", "x_y-z+1.0"] {
            assert!(target.admits(path), "{path}");
        }
        for path in ["sub/a", "a b", "größe", ".hidden", "x.", "a@b", "a%b"] {
            assert!(!target.admits(path), "{path}");
        }
        for text in [
            "github:o/r",
            "github:o@v1",
            "github:/r@v1",
            "github:o/..@v1",
            "github:o/r@",
            "github:o/r@a b",
            "github:o/r@a//b",
        ] {
            assert_eq!(
                GitHubAddress::parse(text).unwrap_err().code(),
                "place-address"
            );
        }
    }
}
