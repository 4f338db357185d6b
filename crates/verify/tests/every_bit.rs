//! Mutation at scale: of every accepted fixture, and of the real bundles of the conformance cases, every
//! bit of every decoded byte is flipped. Refused, or in a named range that nothing signs and nothing
//! proves: then the evidence is the same.
//!
//! By default one bit of many is flipped, the same ones in every run; `ATTEST_MUTATION=all`, as the gate
//! sets it, flips them all. The real bundles are found through `ATTEST_CONFORMANCE`.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, iter, thread};

use attest_digest::{Artifact, Digest, Hashes};
use attest_provenance::base64;
use attest_verify::{
    Accept, Bundle, EmbeddedRoot, Evidence, ExpectedSigner, PublicKey, Subject, TrustedRoot,
    Verifier,
};
use serde_json::Value;

use crate::fixtures::{Expect, cases};

/// An accepted bundle, with all that its verification needs.
struct Good {
    name: String,
    bundle: Value,
    /// The artifact, or its digest where nothing else is known.
    artifact: Result<Artifact, Digest>,
    signer: ExpectedSigner,
    verifier: Verifier,
}

/// A place of a bundle: where it stands, and how its bytes are written.
struct Place {
    pointer: String,
    is_text: bool,
    bytes: Vec<u8>,
}

impl Good {
    fn evidence(&self, bundle: &str) -> Option<Evidence> {
        let bundle = Bundle::parse(bundle.as_bytes()).ok()?;
        let subject = match &self.artifact {
            Ok(artifact) => Subject::Artifact(artifact),
            Err(digest) => Subject::Digest(*digest),
        };
        self.verifier.verify(&bundle, &subject, &self.signer).ok()
    }

    fn places(&self) -> Vec<Place> {
        let mut places = Vec::new();
        collect(&self.bundle, String::new(), &mut places);
        places
    }

    /// The bundle's text around a place.
    fn around(&self, place: &Place) -> (String, String) {
        let mut bundle = self.bundle.clone();
        *bundle.pointer_mut(&place.pointer).unwrap() = MARK.into();
        let text = bundle.to_string();
        let (before, after) = text.split_once(MARK).unwrap();
        (before.to_owned(), after.to_owned())
    }
}

impl Place {
    /// The bytes as they stand between the quotes. Not every byte can stand in a text.
    fn write(&self, bytes: Vec<u8>) -> Option<String> {
        if !self.is_text {
            return Some(base64::encode(&bytes));
        }
        let text = Value::from(String::from_utf8(bytes).ok()?).to_string();
        Some(text[1..text.len() - 1].to_owned())
    }
}

/// Every string of a bundle: base64 where it can be read as such and is not a word or a number.
fn collect(json: &Value, pointer: String, places: &mut Vec<Place>) {
    match json {
        Value::Object(fields) => {
            for (name, value) in fields {
                collect(value, format!("{pointer}/{name}"), places);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                collect(value, format!("{pointer}/{index}"), places);
            }
        }
        Value::String(text) => {
            let field = pointer.rsplit('/').next().unwrap();
            let decoded = base64::decode(text).ok();
            let decoded = decoded.filter(|_| !TEXTS.contains(&field));
            let is_text = decoded.is_none();
            let bytes = decoded.unwrap_or_else(|| text.as_bytes().to_vec());
            places.push(Place {
                pointer,
                is_text,
                bytes,
            });
        }
        _ => {}
    }
}

const TEXTS: [&str; 9] = [
    "algorithm",
    "envelope",
    "integratedTime",
    "kind",
    "logIndex",
    "mediaType",
    "payloadType",
    "treeSize",
    "version",
];

/// What is neither signed nor proven, and what of the same bytes is: they must not overlap.
struct Unsigned {
    name: &'static str,
    ranges: Vec<Range<usize>>,
    signed: Vec<Range<usize>>,
}

fn unsigned(good: &Good, place: &Place) -> Option<Unsigned> {
    let nothing = |name| Unsigned {
        name,
        ranges: iter::once(0..place.bytes.len()).collect(),
        signed: Vec::new(),
    };
    let entry = || {
        let end = place.pointer.rfind('/').unwrap();
        &good.bundle.pointer(&place.pointer[..end]).unwrap()["inclusionPromise"]
    };
    match place.pointer.rsplit('/').next().unwrap() {
        "signedTimestamp" => Some(timestamp(&place.bytes)),
        "envelope" => Some(witnesses(good, place)),
        // A promise covers both; without one nothing does, and nothing relies on either.
        "integratedTime" if entry().is_null() => Some(nothing("time without promise")),
        "logIndex" if entry().is_null() && is_rekor_v1(good, place) => {
            Some(nothing("index across shards without promise"))
        }
        // Nothing signs it, and no check is left out by it.
        "mediaType" => Some(nothing("media type")),
        "hint" if place.bytes.len() != 32 => Some(nothing("hint that is no fingerprint")),
        _ => None,
    }
}

fn is_rekor_v1(good: &Good, place: &Place) -> bool {
    let end = place.pointer.rfind('/').unwrap();
    let entry = good.bundle.pointer(&place.pointer[..end]).unwrap();
    let kind = &entry["kindVersion"];
    kind["version"] == "0.0.1" || kind["kind"] == "intoto"
}

/// The status of the response, the version of its syntax, and the certificates that come along.
fn timestamp(bytes: &[u8]) -> Unsigned {
    let whole = 0..bytes.len();
    let outer = children(bytes, &whole);
    let is_response = bytes[outer[0].start] == 0x30;
    let status = is_response.then(|| children(bytes, &outer[0])[0].clone());
    let info = if is_response { outer[1].clone() } else { whole };
    let data = children(bytes, &children(bytes, &info)[1])[0].clone();
    let data = children(bytes, &data);
    let content = data[2].clone();
    let certificates = data.iter().find(|it| bytes[it.start] == 0xa0).cloned();
    let signer = children(bytes, data.last().unwrap())[0].clone();
    let signer = children(bytes, &signer);
    let attributes = signer.iter().find(|it| bytes[it.start] == 0xa0).unwrap();
    let signature = signer.iter().find(|it| bytes[it.start] == 0x04).unwrap();
    Unsigned {
        name: "granted, or with modifications; the syntax' version; certificates that nobody relies on",
        ranges: status
            .into_iter()
            .chain(iter::once(data[0].clone()))
            .chain(certificates)
            .collect(),
        signed: vec![content, attributes.clone(), signature.clone()],
    }
}

/// The elements inside of a DER element.
fn children(bytes: &[u8], of: &Range<usize>) -> Vec<Range<usize>> {
    let mut at = content(bytes, of.start);
    let mut found = Vec::new();
    while at < of.end {
        let next = element(bytes, at);
        at = next.end;
        found.push(next);
    }
    found
}

fn element(bytes: &[u8], at: usize) -> Range<usize> {
    let begin = content(bytes, at);
    let length = match bytes[at + 1] {
        short @ 0..=0x7f => usize::from(short),
        long => {
            let count = usize::from(long & 0x7f);
            let digits = &bytes[at + 2..at + 2 + count];
            digits.iter().fold(0, |all, it| all << 8 | usize::from(*it))
        }
    };
    at..begin + length
}

fn content(bytes: &[u8], at: usize) -> usize {
    match bytes[at + 1] {
        0..=0x7f => at + 2,
        long => at + 2 + usize::from(long & 0x7f),
    }
}

/// The lines of a checkpoint that are not its log's.
fn witnesses(good: &Good, place: &Place) -> Unsigned {
    let note = std::str::from_utf8(&place.bytes).unwrap();
    let text = note.find("\n\n").unwrap() + 2;
    let end = place.pointer.find("/inclusionProof").unwrap();
    let id = good.bundle.pointer(&place.pointer[..end]).unwrap();
    let id = base64::decode(id["logId"]["keyId"].as_str().unwrap()).unwrap();
    let mut ranges = Vec::new();
    let mut signed: Vec<Range<usize>> = iter::once(0..text).collect();
    let mut at = text;
    for line in note[text..].split_inclusive('\n') {
        let encoded = line.trim_end().rsplit(' ').next().unwrap();
        let is_log = base64::decode(encoded).unwrap().starts_with(&id[..4]);
        let range = at..at + line.len();
        at = range.end;
        if is_log { &mut signed } else { &mut ranges }.push(range);
    }
    Unsigned {
        name: "lines of others than the log",
        ranges,
        signed,
    }
}

/// Flips bits of a place; gives how many were tried.
fn flip(good: &Good, place: &Place, parent: &str, all: bool, seed: usize) -> usize {
    let unsigned = unsigned(good, place);
    if let Some(unsigned) = &unsigned {
        for range in &unsigned.ranges {
            let disjoint = |it: &Range<usize>| it.end <= range.start || range.end <= it.start;
            assert!(
                unsigned.signed.iter().all(disjoint),
                "{} {}: {} overlaps what is signed",
                good.name,
                place.pointer,
                unsigned.name
            );
        }
    }
    let (before, after) = good.around(place);
    let mut tried = 0;
    for bit in 0..place.bytes.len() * 8 {
        if !all && !(bit + seed).is_multiple_of(STRIDE) {
            continue;
        }
        let mut bytes = place.bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let Some(text) = place.write(bytes) else {
            continue;
        };
        tried += 1;
        let Some(evidence) = good.evidence(&format!("{before}{text}{after}")) else {
            continue;
        };
        let is_named = unsigned
            .as_ref()
            .is_some_and(|it| it.ranges.iter().any(|it| it.contains(&(bit / 8))));
        assert!(
            is_named,
            "{} {}: accepted with bit {bit} flipped",
            good.name, place.pointer
        );
        assert_eq!(
            same(&evidence),
            parent,
            "{} {}: bit {bit} is in no signature, and changes what is proven",
            good.name,
            place.pointer
        );
    }
    tried
}

/// What evidence proves, as text.
fn same(evidence: &Evidence) -> String {
    let proven = (
        evidence.signer(),
        evidence.statement(),
        evidence.message_digest(),
        evidence.times(),
        evidence.logs(),
    );
    format!("{proven:?}")
}

fn flip_all(goods: &[Good]) -> BTreeMap<String, usize> {
    let all = env::var("ATTEST_MUTATION").is_ok_and(|it| it == "all");
    let work: Vec<(&Good, Place)> = goods
        .iter()
        .flat_map(|good| good.places().into_iter().map(move |place| (good, place)))
        .collect();
    let next = AtomicUsize::new(0);
    let tried = Mutex::new(BTreeMap::new());
    let parents: BTreeMap<&str, String> = goods
        .iter()
        .map(|good| {
            let evidence = good.evidence(&good.bundle.to_string());
            let evidence = evidence.unwrap_or_else(|| panic!("{}: refused", good.name));
            (good.name.as_str(), same(&evidence))
        })
        .collect();
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some((good, place)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let seed = place.pointer.len() + good.name.len();
                    let count = flip(good, place, &parents[good.name.as_str()], all, seed);
                    let mut tried = tried.lock().unwrap();
                    *tried.entry(good.name.clone()).or_default() += count;
                }
            });
        }
    });
    tried.into_inner().unwrap()
}

#[test]
fn every_bit_of_every_accepted_fixture_is_refused_or_says_nothing() {
    let goods: Vec<Good> = cases()
        .into_iter()
        .filter(|(_, case)| case.expect == Expect::Accept)
        // An entry that is not needed is passed over when its log is not known: see accepting.rs.
        .filter(|(name, _)| name != "message-v1-no-log-needed")
        .map(|(name, case)| {
            let bytes = case.input("bundle.sigstore.json").unwrap();
            let bundle: Value = serde_json::from_slice(&bytes).unwrap();
            let parsed = Bundle::parse(&bytes).unwrap();
            let root = TrustedRoot::parse(&case.input("trusted_root.json").unwrap()).unwrap();
            let now = case.text("at").unwrap().parse().unwrap();
            Good {
                name,
                bundle,
                artifact: case.artifact(&parsed, &case.signer()),
                signer: case.signer(),
                verifier: Verifier::new(vec![root], now, case.accept()).unwrap(),
            }
        })
        .collect();
    assert!(goods.len() >= 18, "{}", goods.len());
    let tried = flip_all(&goods);
    assert_eq!(tried.len(), goods.len());
    assert!(tried.values().all(|it| *it >= 20), "{tried:?}");
}

#[test]
fn every_bit_of_the_real_bundles_is_refused_or_says_nothing() {
    let Some(place) = env::var_os("ATTEST_CONFORMANCE").filter(|it| !it.is_empty()) else {
        // The gate runs with it, or says what was not run.
        return;
    };
    let place = Path::new(&place).join("bundle-verify");
    let goods: Vec<Good> = REAL
        .iter()
        .map(|it| real(&place, &place.join(it)))
        .collect();
    let tried = flip_all(&goods);
    assert!(tried.values().all(|it| *it >= 300), "{tried:?}");
}

/// A case of the conformance suite, with the suite's defaults.
fn real(place: &Path, folder: &Path) -> Good {
    let read = |name: &str| fs::read(folder.join(name)).ok();
    let root = match read("trusted_root.json") {
        Some(bytes) => TrustedRoot::parse(&bytes).unwrap(),
        None => EmbeddedRoot::DEFAULT.read().unwrap(),
    };
    let artifact = read("artifact").unwrap_or_else(|| fs::read(place.join("a.txt")).unwrap());
    let signer = match read("key.pub") {
        Some(key) => ExpectedSigner::Key(PublicKey::parse(&key).unwrap()),
        None => ExpectedSigner::exactly(BEACON, "https://token.actions.githubusercontent.com"),
    };
    let now = "2026-11-21T12:00:00Z".parse().unwrap();
    Good {
        name: folder.file_name().unwrap().to_str().unwrap().to_owned(),
        bundle: serde_json::from_slice(&read("bundle.sigstore.json").unwrap()).unwrap(),
        artifact: Ok(Artifact::of_bytes(&artifact, Hashes::All)),
        signer,
        verifier: Verifier::new(vec![root], now, Accept::default()).unwrap(),
    }
}

/// One of each form; the other accepted cases of the suite differ from these in little.
const REAL: [&str; 8] = [
    "happy-path-intoto-in-dsse-v3",
    "happy-path-v0.1",
    "happy-path-v0.3",
    "intoto-with-custom-trust-root",
    "managed-key-happy-path",
    "rekor2-checkpoint-multiple-cosigs",
    "rekor2-dsse-happy-path",
    "rekor2-timestamp-with-embedded-cert",
];

/// A prime, so that each bit of a byte has its turn.
const STRIDE: usize = 61;

const MARK: &str = "THE PLACE";

const BEACON: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
