//! Authorities with clocks of our choice, and releases to renew.

use std::collections::BTreeMap;

use attest_digest::{Algorithm, Artifact, Digest, Hashes};
use attest_provenance::{ReleaseName, base64};
use attest_sign::{Authority, AuthorityName, AuthorityRoot, Period};
use attest_verify::TrustedRoot;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::renewal::{Covered, EvidenceRecord, Plan, ProvenRenewal, RenewalError, Target};

pub(crate) fn time(text: &str) -> Timestamp {
    format!("{text}T12:00:00Z").parse().unwrap()
}

/// An authority whose certificate is good from the first day of one year to that of another.
pub(crate) fn authority(letter: &str, from: u16, until: u16) -> Authority {
    let name = |text: &str| AuthorityName::new("example.org", text).unwrap();
    let period = |from: u16, until: u16| {
        let day = |year: u16| format!("{year}-01-01T00:00:00Z").parse().unwrap();
        Period {
            from: day(from),
            until: day(until),
        }
    };
    let root = AuthorityRoot::create(&name("root"), period(from, until)).unwrap();
    root.issue(&name(&format!("authority {letter}")), period(from, until))
        .unwrap()
}

pub(crate) fn trusting(authorities: &[&Authority]) -> Vec<TrustedRoot> {
    trusting_until(authorities, None)
}

/// Trusting them up to some time, whatever their certificates say.
pub(crate) fn trusting_until(authorities: &[&Authority], end: Option<&str>) -> Vec<TrustedRoot> {
    let entry = |authority: &&Authority| {
        let raw = |der: &Vec<u8>| json!({ "rawBytes": base64::encode(der) });
        let chain: Vec<Value> = authority.chain().iter().map(raw).collect();
        json!({
            "subject": { "organization": "example.org", "commonName": "any" },
            "uri": "https://tsa.example",
            "certChain": { "certificates": chain },
            "validFor": { "start": "2000-01-01T00:00:00Z", "end": end },
        })
    };
    let root = json!({
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": [], "certificateAuthorities": [], "ctlogs": [],
        "timestampAuthorities": authorities.iter().map(entry).collect::<Vec<_>>(),
    });
    vec![TrustedRoot::parse(&serde_json::to_vec(&root).unwrap()).unwrap()]
}

pub(crate) fn artifact(bytes: &[u8]) -> Artifact {
    Artifact::of_bytes(bytes, Hashes::Sha256AndSha512)
}

/// A release of a manifest, a file and a bundle, all of them named after it.
pub(crate) struct Kept {
    pub(crate) name: ReleaseName,
    pub(crate) manifest: Digest,
    pub(crate) members: Vec<Digest>,
    pub(crate) observed: BTreeMap<Digest, Artifact>,
}

pub(crate) fn kept(name: &str) -> Kept {
    let blobs =
        ["manifest", "file", "bundle"].map(|it| artifact(format!("{it} of {name}").as_bytes()));
    let digests = blobs.each_ref().map(Artifact::sha256);
    Kept {
        name: ReleaseName::parse(name).unwrap(),
        manifest: digests[0],
        members: digests[1..].to_vec(),
        observed: digests.into_iter().zip(blobs).collect(),
    }
}

impl Kept {
    pub(crate) fn covered(&self) -> Vec<u8> {
        Covered::new(self.name.clone(), self.manifest, self.observed.values())
            .unwrap()
            .to_bytes()
    }

    pub(crate) fn check(&self, covered: &[u8]) -> Result<(), RenewalError> {
        let covered = Covered::parse(covered)?;
        covered.check(
            &self.name,
            self.manifest,
            self.members.iter().copied(),
            &self.observed,
        )
    }
}

pub(crate) fn stamp(authority: &Authority, at: &str, digest: &Digest) -> Vec<u8> {
    authority.at(time(at)).timestamp_digest(digest).unwrap()
}

/// Renews these with one timestamp.
pub(crate) fn renew(
    targets: Vec<Target>,
    algorithm: Algorithm,
    authority: &Authority,
    at: &str,
) -> Vec<(Vec<u8>, EvidenceRecord)> {
    let plan = Plan::new(algorithm, targets).unwrap();
    let token = stamp(authority, at, &plan.root());
    plan.finish(&token).unwrap()
}

/// The first renewal of one release among others.
pub(crate) fn first(
    covered: &[u8],
    others: usize,
    authority: &Authority,
    at: &str,
) -> EvidenceRecord {
    let mut targets = vec![Target::new(covered.to_vec())];
    targets.extend((0..others).map(|it| Target::new(kept(&format!("other@{it}")).covered())));
    let (_, record) = renew(targets, Algorithm::Sha256, authority, at).remove(0);
    record
}

pub(crate) fn again(
    covered: &[u8],
    record: EvidenceRecord,
    algorithm: Algorithm,
    authority: &Authority,
    at: &str,
) -> EvidenceRecord {
    let target = Target::again(covered.to_vec(), record);
    let (_, record) = renew(vec![target], algorithm, authority, at).remove(0);
    record
}

pub(crate) const NOW: &str = "2060-01-01";

pub(crate) fn verify(
    record: &EvidenceRecord,
    covered: &[u8],
    roots: &[TrustedRoot],
) -> Result<ProvenRenewal, RenewalError> {
    // What is verified is what was written.
    let record = EvidenceRecord::parse(&record.to_der().unwrap())?;
    record.verify(covered, roots, time(NOW))
}

pub(crate) fn code(result: Result<ProvenRenewal, RenewalError>) -> &'static str {
    match result {
        Ok(_) => "accepted",
        Err(error) => error.code(),
    }
}
