//! Fills the archive of a home with many small releases, so that it can be measured how attest reads them.
//!
//! ```text
//! attest init --no-password --home HOME
//! cargo run --release -p attest-archive --example shelf -- HOME COUNT TIME
//! ```
//!
//! Each is of one file of 2 KiB and of its statement, signed by the home's keys, timestamped by its authority at
//! TIME and entered in a log of its own under the home's checkpoint key. A process for each would open the keys
//! anew, which takes longer than all that is measured.

#![expect(clippy::print_stdout, reason = "its output is its purpose")]
#![expect(clippy::unwrap_used, reason = "a measurement that fails has no result")]

use std::fs;
use std::path::Path;

use attest_archive::{MemberInput, ReleaseInput, Role, Source, Store};
use attest_digest::{Artifact, Digest, DigestSet, Hashes, RelativePath};
use attest_log::Log;
use attest_provenance::predicate::Part;
use attest_provenance::predicate::release::Release;
use attest_provenance::{ReleaseName, Subject};
use attest_sign::{
    ArtifactKey, Authority, CheckpointKey, Origin, Password, Signer, Unlock, Unsigned,
};
use attest_verify::{Accept, TrustedRoot, Verifier};
use jiff::Timestamp;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut next = arguments.iter();
    let home = Path::new(next.next().unwrap());
    let count: u32 = next.next().unwrap().parse().unwrap();
    let now: Timestamp = next.next().unwrap().parse().unwrap();
    let read = |path: &str| fs::read(home.join(path)).unwrap();
    let (mut unlock, password) = (Unlock::new(), Password::empty());
    let key = ArtifactKey::from_pem(&read("keys/artifact.key"), &mut unlock, &password).unwrap();
    let checkpoint = String::from_utf8(read("log/checkpoint")).unwrap();
    let origin = Origin::parse(checkpoint.lines().next().unwrap()).unwrap();
    let keeper = read("keys/checkpoint.key");
    let keeper = CheckpointKey::from_pem(&keeper, &origin, &mut unlock, &password).unwrap();
    let (authority, chain) = (read("keys/tsa.key"), read("trust/tsa-chain.pem"));
    let authority = Authority::from_pem(&authority, &chain, &mut unlock, &password).unwrap();
    let root = TrustedRoot::parse(&read("trust/trusted_root.json")).unwrap();
    let verifier = Verifier::new(vec![root], now, Accept::default()).unwrap();

    let scratch = tempfile::tempdir().unwrap();
    let place = |name: &str| scratch.path().join(name);
    let mut log = Log::create(&place("log"), &place("copy"), &keeper).unwrap();
    let clock = authority.at(now);
    let mut signer = Signer::new(&key, &clock, &mut log, &verifier);
    let archive = home.join("archive");
    let mut store = if archive.exists() {
        Store::open(&archive).unwrap()
    } else {
        Store::init(&archive).unwrap()
    };
    let releases: Vec<Small> = (0..count).map(Small::of).collect();
    for some in releases.chunks(500) {
        let unsigned = some.iter().map(|it| Unsigned::Statement(&it.statement));
        let all = signer.sign(&unsigned.collect::<Vec<_>>()).unwrap();
        for (release, made) in some.iter().zip(all) {
            store.add(&release.with(made.bundle())).unwrap();
        }
    }
    println!("{count} releases");
}

/// A release of one file.
struct Small {
    name: ReleaseName,
    bytes: Vec<u8>,
    statement: Vec<u8>,
}

impl Small {
    fn of(number: u32) -> Self {
        let name = ReleaseName::parse(&format!("tool{number:05}@1.0.0")).unwrap();
        let bytes = number.to_be_bytes().repeat(512);
        let digest =
            |bytes: &[u8]| -> Digest { Artifact::of_bytes(bytes, Hashes::Sha256).sha256() };
        let file = Subject::new("tool", DigestSet::from(digest(&bytes))).unwrap();
        let list = format!("{}  tool\n", digest(&bytes).hex());
        let release = Release {
            name: name.clone(),
            part: Part::new(1, 1, digest(list.as_bytes())).unwrap(),
        };
        let statement = release.statement(vec![file]).unwrap().to_bytes();
        Self {
            name,
            bytes,
            statement,
        }
    }

    fn with<'a>(&'a self, bundle: &'a [u8]) -> ReleaseInput<'a> {
        let member = |path: &str, role, bytes: &'a [u8]| MemberInput {
            path: RelativePath::parse(path).unwrap(),
            role,
            source: Source::Bytes(bytes),
            expected: None,
        };
        ReleaseInput {
            name: self.name.clone(),
            members: vec![
                member("release.sigstore.json", Role::Evidence, bundle),
                member("tool", Role::Artifact, &self.bytes),
            ],
        }
    }
}
