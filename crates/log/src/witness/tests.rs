use ed25519_dalek::{Signer as _, SigningKey};

use super::*;
use crate::testing::TestSigner;
use crate::{Checkpoint, CheckpointSigner as _, Hash, codec};

const NOW: u64 = 1_800_000_000;

/// A witness of this number: its vkey, and its line under a text.
struct Cosigner(SigningKey, String);

impl Cosigner {
    fn new(number: u8) -> Self {
        Self(
            SigningKey::from_bytes(&[number; 32]),
            format!("witness.example/{number}"),
        )
    }

    fn key_id(&self) -> [u8; 4] {
        Witness::new(&self.1, ED25519, self.0.verifying_key().as_bytes())
            .unwrap()
            .key_id
    }

    fn vkey(&self) -> String {
        let key = [&[ED25519], self.0.verifying_key().as_bytes().as_slice()].concat();
        format!(
            "{}+{}+{}",
            self.1,
            hex::encode(self.key_id()),
            codec::encode_base64(&key)
        )
    }

    fn line(&self, text: &str, time: u64) -> String {
        let message = format!("cosignature/v1\ntime {time}\n{text}");
        let signature = self.0.sign(message.as_bytes()).to_bytes();
        let bytes = [time.to_be_bytes().as_slice(), &signature].concat();
        NoteSignature::new(&self.1, self.key_id(), bytes).to_line()
    }
}

/// A checkpoint with these lines added.
fn checkpoint(lines: impl Fn(&str) -> String) -> SignedCheckpoint {
    let key = TestSigner::new("log.example", 9);
    let checkpoint = Checkpoint::new(key.key(), 3, Hash::new([1; 32]));
    let text = checkpoint.to_text();
    let signed = SignedCheckpoint::sign(checkpoint, &key).unwrap();
    let mut bytes = signed.as_bytes().to_vec();
    bytes.extend(lines(&text).into_bytes());
    SignedCheckpoint::parse(&bytes).unwrap()
}

fn policy(rest: &str) -> Result<WitnessPolicy, PolicyError> {
    let witnesses: Vec<String> = (1..=3)
        .map(|number| format!("witness W{number} {}\n", Cosigner::new(number).vkey()))
        .collect();
    let text = format!("# three witnesses\n{}", witnesses.concat());
    WitnessPolicy::parse(format!("{text}{rest}").as_bytes())
}

fn enough(rest: &str, witnesses: &[u8]) -> bool {
    let signed = checkpoint(|text| {
        witnesses
            .iter()
            .map(|it| Cosigner::new(*it).line(text, NOW))
            .collect()
    });
    policy(rest).unwrap().judge(&signed, NOW).enough
}

#[test]
fn a_quorum_is_met_by_as_many_witnesses_as_it_says() {
    let two = "group G 2 W1 W2 W3\nquorum G\n";
    assert!(!enough(two, &[]));
    assert!(!enough(two, &[2]));
    assert!(enough(two, &[2, 3]));
    assert!(!enough("group G all W1 W2 W3\nquorum G", &[2, 3]));
    assert!(enough("group G any W1 W2 W3\nquorum G", &[3]));
    assert!(enough("quorum W2", &[2]));
    assert!(!enough("quorum W2", &[1, 3]));
    assert!(enough("quorum none", &[]));
    let nested = "group X any W1 W2\ngroup G all X W3\nquorum G";
    assert!(enough(nested, &[2, 3]));
    assert!(!enough(nested, &[1, 2]));
}

#[test]
fn one_witness_counts_once_however_often_it_signed() {
    let signed = checkpoint(|text| {
        (0..4)
            .map(|it| Cosigner::new(1).line(text, NOW - it))
            .collect()
    });
    let judged = policy("group G 2 W1 W2 W3\nquorum G")
        .unwrap()
        .judge(&signed, NOW);
    assert_eq!(judged.by, [("W1".to_owned(), NOW)]);
    assert!(!judged.enough);
}

#[test]
fn a_cosignature_from_before_the_earliest_time_does_not_count() {
    let signed = checkpoint(|text| Cosigner::new(1).line(text, NOW - 9));
    let policy = policy("quorum W1").unwrap();
    let judged = policy.judge_since(&signed, NOW - 9, NOW);
    assert!(judged.enough && judged.old.is_empty(), "{judged:?}");
    let judged = policy.judge_since(&signed, NOW - 8, NOW);
    assert!(!judged.enough && judged.by.is_empty(), "{judged:?}");
    assert_eq!(judged.old, [("W1".to_owned(), NOW - 9)]);
    // The newest counts.
    let signed = checkpoint(|text| {
        let cosigner = Cosigner::new(1);
        cosigner.line(text, NOW) + &cosigner.line(text, NOW - 9)
    });
    assert!(policy.judge_since(&signed, NOW, NOW).enough);
}

#[test]
fn a_cosignature_of_another_text_or_of_the_future_is_invalid_and_never_enough() {
    let judge = |lines: &dyn Fn(&str) -> String| {
        policy("quorum W1").unwrap().judge(&checkpoint(lines), NOW)
    };
    let good = |text: &str| Cosigner::new(1).line(text, NOW);
    assert!(judge(&good).enough);
    for judged in [
        judge(&|_| Cosigner::new(1).line("log.example\n3\nother\n", NOW)),
        judge(&|text| Cosigner::new(1).line(text, NOW + 301)),
        judge(&|text| good(text) + &Cosigner::new(2).line("other", NOW)),
    ] {
        assert_eq!(judged.invalid.len(), 1, "{judged:?}");
        assert!(!judged.enough, "{judged:?}");
    }
    assert!(judge(&|text| Cosigner::new(1).line(text, NOW + 300)).enough);
}

#[test]
fn lines_of_strangers_say_nothing() {
    let signed =
        checkpoint(|text| Cosigner::new(7).line("other", NOW) + &Cosigner::new(1).line(text, NOW));
    let judged = policy("quorum W1").unwrap().judge(&signed, NOW);
    assert!(judged.enough && judged.invalid.is_empty(), "{judged:?}");
}

#[test]
fn a_witness_whose_algorithm_is_not_verified_never_counts() {
    let key = [&[ML_DSA_44], [7; ML_DSA_44_BYTES].as_slice()].concat();
    let witness = Witness::new("w.example", ML_DSA_44, &[7; ML_DSA_44_BYTES]).unwrap();
    let vkey = format!(
        "w.example+{}+{}",
        hex::encode(witness.key_id),
        codec::encode_base64(&key)
    );
    let policy = WitnessPolicy::parse(format!("witness Q {vkey}\nquorum Q").as_bytes()).unwrap();
    let judged = policy.judge(&checkpoint(|_| String::new()), NOW);
    assert_eq!(judged.unsupported, ["Q"]);
    assert!(!judged.enough);
}

#[test]
fn what_is_not_a_policy_is_refused_with_its_line() {
    let cases = [
        ("", "has no quorum line"),
        ("quorum W4", "names W4, which no line before defines"),
        ("quorum W1\nquorum W1", "is a second quorum"),
        ("group G 4 W1 W2 W3\nquorum G", "wants 4 of 3 members"),
        ("group G 0 W1\nquorum G", "wants 0 of 1 members"),
        ("group G 01 W1\nquorum G", "wants 01 of 1 members"),
        ("group G any\nquorum G", "is a group without members"),
        (
            "group G any W1 W1\nquorum G",
            "has the member W1 a second time",
        ),
        (
            "group G any W1\ngroup H any W1\nquorum H",
            "has the member W1 a second time",
        ),
        ("group none any W1\nquorum none", "defines none again"),
        ("group W2 any W1\nquorum W1", "defines W2 again"),
        (
            "group G any none\nquorum G",
            "names none, which no line before defines",
        ),
        ("wittness W9 x\nquorum W1", "begins with none of"),
        (
            "witness W9 w.example+00000000+AAAA\nquorum W1",
            "is not a witness' vkey",
        ),
        ("log x\nquorum W1", "names a log: not a vkey"),
        ("quorum W1 W2", "is not: quorum NAME"),
        ("# \u{7}\nquorum W1", "has a control character"),
    ];
    for (rest, wanted) in cases {
        let error = policy(rest).unwrap_err();
        assert!(error.to_string().contains(wanted), "{rest:?}: {error}");
        assert_eq!(error.code(), "witness-policy-malformed");
    }
    let again = format!("witness W9 {}\nquorum W1", Cosigner::new(1).vkey());
    let error = policy(&again).unwrap_err().to_string();
    assert!(error.contains("key again"), "{error}");
}

#[test]
fn white_space_comments_and_addresses_are_allowed() {
    let vkey = Cosigner::new(5).vkey();
    let text = format!("\n \t# none\n\twitness  \u{e9} {vkey}\thttps://w.example \n quorum \u{e9}");
    let policy = WitnessPolicy::parse(text.as_bytes()).unwrap();
    let signed = checkpoint(|text| Cosigner::new(5).line(text, NOW));
    assert_eq!(policy.judge(&signed, NOW).by, [("\u{e9}".to_owned(), NOW)]);
}
