//! Measures how many decisions of a policy one process makes each second, and prints a row of a table.
//!
//! ```text
//! cargo run --release -p attest-policy --example decide -- POLICY KEY ROOT ARTIFACT BUNDLES [SECONDS]
//! ```
//!
//! The bundles in the folder BUNDLES are verified once. A decision then measures all of them by every rule
//! and answers each rule about the artifact. KEY is the key of every signer of the policy.

#![expect(clippy::print_stdout, reason = "its output is its purpose")]
#![expect(clippy::unwrap_used, reason = "a measurement that fails has no result")]

use std::time::{Duration, Instant};

use attest_digest::{Artifact, Hashes};
use attest_policy::{
    Bytes, Closure, Denied, Group, KeyValidity, LogRule, Member, RuleAnswer, Rules, Subject,
};
use attest_verify::{Accept, Bundle, Evidence, ExpectedSigner, PublicKey, TrustedRoot, Verifier};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut next = arguments.iter();
    let mut read = || std::fs::read(next.next().unwrap()).unwrap();
    let (policy, key, root, artifact) = (read(), read(), read(), read());
    let folder = next.next().unwrap();
    let seconds = next.next().map_or(5, |it| it.parse().unwrap());

    let closure = Closure::load(&policy, &mut |_| Err("not read here".to_owned())).unwrap();
    let signer = ExpectedSigner::Key(PublicKey::parse(&key).unwrap());
    let group = |name: &str| Group {
        name: name.to_owned(),
        members: vec![Member {
            signer: signer.clone(),
            validity: KeyValidity::default(),
        }],
        unknown: 0,
        threshold: 1,
        log: LogRule::Required,
        windows: Vec::new(),
        has_one_holder: false,
    };
    let groups: Vec<Group> = closure.groups().map(|(it, _)| group(&it.name)).collect();
    let rules = Rules::new(closure, &groups, &Denied::default(), &[]).unwrap();
    let now = "2027-01-01T00:00:00Z".parse().unwrap();
    let root = TrustedRoot::parse(&root).unwrap();
    let verifier = Verifier::new(vec![root], now, Accept::default()).unwrap();
    let start = Instant::now();
    let evidence: Vec<Evidence> = std::fs::read_dir(folder)
        .unwrap()
        .map(|it| Bundle::parse(&std::fs::read(it.unwrap().path()).unwrap()).unwrap())
        .map(|it| verifier.verify_statement(&it, rules.everybody()).unwrap())
        .collect();
    let proving = start.elapsed();
    let artifact = Artifact::of_bytes(&artifact, Hashes::Sha256AndSha512);
    let subject = Subject {
        bytes: Bytes::Read(&artifact),
        path: None,
    };
    let digests = [artifact.sha256()];
    let once = || {
        let inquiry = rules.inquire(evidence.iter().collect(), now, false);
        let about = (0..evidence.len()).zip(&evidence);
        let about = about.filter(|(_, it)| rules.is_about(it, subject).is_ok());
        let about: Vec<usize> = about.map(|(place, _)| place).collect();
        let answers = inquiry.answers(&about, &digests, None);
        assert!(answers.iter().all(RuleAnswer::passed));
    };
    once();
    let enough = Duration::from_secs(seconds);
    let start = Instant::now();
    let mut count = 0_u32;
    while start.elapsed() < enough {
        once();
        count += 1;
    }
    let rate = f64::from(count) / start.elapsed().as_secs_f64();
    let (many, asked) = (evidence.len(), rules.rules().len());
    println!("| {many} attestations, {asked} rules, one thread | |");
    println!("|---|---|");
    println!("| verified once | {:.2} s |", proving.as_secs_f64());
    println!("| decisions per second | {rate:.0} |");
}
