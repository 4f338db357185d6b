//! Who stamps: somebody else, or the home's own authority.

use attest_archive::renewal::{ProvenRenewal, SourceError, TimestampSource};
use attest_digest::Digest;
use attest_sign::TimestampError;
use attest_verify::TrustedRoot;
use jiff::Timestamp;

use super::{PlaceArgs, RenewArgs};
use crate::command::release::Foreign;
use crate::failure::Failure;
use crate::files::{self, Overwrite};
use crate::home::Home;
use crate::identity::Identity;
use crate::password::Source;

/// The authority of a run.
pub(super) struct Renewer {
    who: Who,
    name: String,
    /// Its certificates as a trusted root, if a flag named them.
    chain: Option<Foreign>,
    /// The SHA-256 of the home's own authority's key, if there is one.
    own: Vec<[u8; 32]>,
}

enum Who {
    Own(Box<Identity>),
    Other(Box<attest_remote::HttpAuthority>),
}

impl Renewer {
    /// Opens the home's authority, or makes ready to call another one; nothing is sent yet.
    pub(super) fn open(args: &RenewArgs) -> Result<Self, Failure> {
        let home = args.place.own_home();
        let Some(url) = &args.tsa else {
            let identity = Identity::open(&home, Source::read(args.no_password))?;
            return Ok(Self {
                who: Who::Own(Box::new(identity)),
                name: "the home's own authority".to_owned(),
                chain: None,
                own: Vec::new(),
            });
        };
        let service = Foreign::service(url)?;
        let chain = args.tsa_chain.as_deref();
        Ok(Self {
            name: service.host().to_owned(),
            chain: chain.map(|chain| Foreign::open(url, chain)).transpose()?,
            who: Who::Other(Box::new(service)),
            own: own_keys(&home),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn is_own(&self) -> bool {
        matches!(self.who, Who::Own(_))
    }

    pub(super) const fn at(&self, now: Timestamp) -> At<'_> {
        At { renewer: self, now }
    }

    /// The certificates that a flag named, as a trusted root.
    pub(super) fn added(&self, place: &PlaceArgs) -> Result<Option<TrustedRoot>, Failure> {
        let Some(json) = self.root(place)? else {
            return Ok(None);
        };
        let root = TrustedRoot::parse(&json)
            .map_err(|error| Failure::request("timestamp-chain-malformed", error))?;
        Ok(Some(root.named("--tsa-chain")))
    }

    /// Keeps the certificates in the home, so that what was renewed can be verified.
    pub(super) fn keep(&self, place: &PlaceArgs) -> Result<(), Failure> {
        match self.root(place)? {
            Some(json) if place.is_own() => {
                let path = place.own_home().renewal_root();
                files::write(&path, &json, 0o644, Overwrite::Force)
            }
            _ => Ok(()),
        }
    }

    /// Our own authority behind an address is still our own.
    ///
    /// # Errors
    /// `renewal-self-asserted`.
    pub(super) fn refuse_own(&self, proven: &ProvenRenewal) -> Result<(), Failure> {
        let key = proven.links().last().map(|link| *link.proof().key());
        if key.is_some_and(|key| self.own.contains(&key)) {
            let message = format!("{} answered with the home's own authority", self.name);
            return Err(Failure::no("renewal-self-asserted", message)
                .hint("ask somebody else's authority, or say --self-asserted"));
        }
        Ok(())
    }

    fn root(&self, place: &PlaceArgs) -> Result<Option<Vec<u8>>, Failure> {
        let Some(chain) = &self.chain else {
            return Ok(None);
        };
        let path = place.own_home().renewal_root();
        let before = if place.is_own() && path.exists() {
            std::fs::read(&path).map_err(|error| {
                Failure::unknown("archive-io", format!("{}: {error}", path.display()))
            })?
        } else {
            EMPTY.to_vec()
        };
        chain.add_to(&before).map(Some)
    }
}

/// The keys of the authority that the home made for itself.
fn own_keys(home: &Home) -> Vec<[u8; 32]> {
    let Ok(own) = Foreign::open("http://own.invalid/", &home.authority_chain()) else {
        return Vec::new();
    };
    let root = own.add_to(EMPTY).ok();
    let root = root.and_then(|json| TrustedRoot::parse(&json).ok());
    let keys = root.iter().flat_map(|root| {
        let names = root.authorities().iter();
        names.flat_map(|it| root.keys_called(it.name()))
    });
    keys.collect()
}

/// An authority with this run's clock.
pub(super) struct At<'a> {
    renewer: &'a Renewer,
    now: Timestamp,
}

impl TimestampSource for At<'_> {
    fn timestamp_digest(&self, digest: &Digest) -> Result<Vec<u8>, SourceError> {
        let token = match &self.renewer.who {
            Who::Own(identity) => identity.authority.at(self.now).timestamp_digest(digest),
            Who::Other(service) => service.timestamp_digest(digest),
        };
        token.map_err(|error: TimestampError| SourceError::new(error.code(), error))
    }
}

/// A trusted root that trusts nobody yet.
const EMPTY: &[u8] = br#"{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1","tlogs":[],"certificateAuthorities":[],"ctlogs":[],"timestampAuthorities":[]}"#;
