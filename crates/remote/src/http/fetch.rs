//! Questions to one address: files below it, and JSON.

use reqwest::header::CONTENT_TYPE;
use reqwest::{RequestBuilder, Response, Url};
use tokio::runtime::Runtime;

use super::{Patience, Service, parse_address, runtime};
use crate::dial::DialError;
use crate::error::HttpError;

/// An address that is asked, one question at a time.
#[derive(Debug)]
pub(crate) struct Fetch {
    base: Url,
    service: Service,
    runtime: Runtime,
}

/// What a service said to a question.
pub(crate) enum Said {
    /// 200 or 201, and its body.
    Yes(Vec<u8>),
    /// It has no such thing: 404, or 403 as object stores answer.
    Nothing,
    /// A body of more bytes than are read.
    TooLarge,
    /// A web page, where data was asked for.
    WebPage,
}

impl Fetch {
    /// The address below which everything is asked; nothing is sent yet.
    pub(crate) fn new(address: &str, patience: Patience) -> Result<Self, HttpError> {
        let (mut base, host) = parse_address(address)?;
        base.set_query(None);
        base.set_fragment(None);
        if !base.path().ends_with('/') {
            let path = format!("{}/", base.path());
            base.set_path(&path);
        }
        Ok(Self {
            base,
            service: Service::new(host, patience)?,
            runtime: runtime()?,
        })
    }

    /// The host that is called.
    pub(crate) fn host(&self) -> &str {
        &self.service.host
    }

    /// The file or answer at a path below the address, with these parameters.
    pub(crate) fn get(
        &self,
        path: &str,
        query: &[(&str, &str)],
        most: usize,
    ) -> Result<Said, DialError> {
        let mut url = self.url(path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.hear(self.service.client.get(url), most)
    }

    /// The answer to a JSON question.
    pub(crate) fn post(&self, path: &str, json: Vec<u8>, most: usize) -> Result<Said, DialError> {
        let request = self.service.client.post(self.url(path)?);
        self.hear(
            request.header(CONTENT_TYPE, "application/json").body(json),
            most,
        )
    }

    fn url(&self, path: &str) -> Result<Url, DialError> {
        // Every path is one of ours; nothing in it leads to another host.
        self.base
            .join(path)
            .map_err(|error| DialError::Client(error.to_string()))
    }

    fn hear(&self, request: RequestBuilder, most: usize) -> Result<Said, DialError> {
        let answer = async {
            let response = request
                .send()
                .await
                .map_err(|error| self.service.broken(&error))?;
            match response.status().as_u16() {
                200 | 201 => {}
                403 | 404 => return Ok(Said::Nothing),
                status => return Err(self.service.refused(status)),
            }
            if is_page(&response) {
                return Ok(Said::WebPage);
            }
            let body = self.service.body(response, most as u64).await?;
            Ok(body.map_or(Said::TooLarge, Said::Yes))
        };
        self.runtime.block_on(self.service.hear(answer))?
    }
}

fn is_page(response: &Response) -> bool {
    let found = response.headers().get(CONTENT_TYPE);
    let found = found.and_then(|it| it.to_str().ok()).unwrap_or_default();
    let essence = found.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("text/html")
}
