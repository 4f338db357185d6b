use proptest::prelude::*;

use super::*;
use crate::merkle::{empty_root, leaf_hash};
use crate::testing::TestSigner;

fn log() -> TestSigner {
    TestSigner::new("log.example", 7)
}

fn signed(size: u64) -> Vec<u8> {
    let log = log();
    let checkpoint = Checkpoint::new(log.key(), size, leaf_hash(b"leaf"));
    let signed = SignedCheckpoint::sign(checkpoint, &log).unwrap();
    signed.as_bytes().to_owned()
}

fn text(size: u64) -> String {
    String::from_utf8(signed(size)).unwrap()
}

/// Signs any text, as a careless log would.
fn sign_text(text: &str) -> Vec<u8> {
    let log = log();
    let signature = log.sign(text.as_bytes()).unwrap();
    let line = NoteSignature::new("log.example", log.key().key_id(), signature.to_vec());
    format!("{text}\n{}", line.to_line()).into_bytes()
}

#[track_caller]
fn refused(bytes: &[u8], code: &str) {
    let verdict =
        SignedCheckpoint::parse(bytes).and_then(|it| it.verify(log().key()).map(Checkpoint::size));
    let error = verdict.expect_err(&String::from_utf8_lossy(bytes));
    assert_eq!(
        error.code(),
        code,
        "{error}: {}",
        String::from_utf8_lossy(bytes)
    );
}

#[test]
fn a_checkpoint_of_another_key_is_refused() {
    for (other, code) in [
        (
            TestSigner::new("log.example", 8),
            "checkpoint-signature-missing",
        ),
        (
            TestSigner::new("other.example", 7),
            "checkpoint-origin-mismatch",
        ),
    ] {
        let checkpoint = Checkpoint::new(other.key(), 1, leaf_hash(b"leaf"));
        let signed = SignedCheckpoint::sign(checkpoint, &other).unwrap();
        refused(signed.as_bytes(), code);
    }
}

#[test]
fn a_line_with_this_keys_name_and_id_that_does_not_verify_is_refused() {
    let forged = text(5).replace("\n5\n", "\n6\n");
    refused(forged.as_bytes(), "checkpoint-signature-invalid");

    // Also beside lines of witnesses, and when it is short or long.
    let id = log().key().key_id();
    let body = text(5);
    let (body, _) = body.split_once("\u{2014}").unwrap();
    for length in [1, 63, 64, 65] {
        let line = NoteSignature::new("log.example", id, vec![1; length]).to_line();
        let witness = NoteSignature::new("w.example", [1; 4], vec![1; 72]).to_line();
        refused(
            format!("{body}{witness}{line}").as_bytes(),
            "checkpoint-signature-invalid",
        );
    }
}

#[test]
fn two_lines_of_this_key_are_refused() {
    let note = text(5);
    let (_, line) = note.split_once("\n\n").unwrap();
    refused(format!("{note}{line}").as_bytes(), "checkpoint-malformed");
}

#[test]
fn a_signature_over_another_note_is_refused() {
    let (five, six) = (text(5), text(6));
    let (body, _) = five.split_once("\n\n").unwrap();
    let (_, line) = six.split_once("\n\n").unwrap();
    refused(
        format!("{body}\n\n{line}").as_bytes(),
        "checkpoint-signature-invalid",
    );
}

#[test]
fn a_careless_body_is_refused_though_it_is_signed() {
    let root = leaf_hash(b"leaf");
    for body in [
        format!("log.example\n05\n{root}\n"),
        format!("log.example\n+5\n{root}\n"),
        format!("log.example\n 5\n{root}\n"),
        format!("log.example\n5 \n{root}\n"),
        format!("log.example\n-5\n{root}\n"),
        format!("log.example\n18446744073709551616\n{root}\n"),
        format!("log.example\n\n{root}\n"),
        format!("log.example\n{root}\n"),
        format!("5\n{root}\n"),
        format!("\n5\n{root}\n"),
        "log.example\n5\n".to_owned(),
        "log.example\n5\n\n".to_owned(),
        "log.example\n5\nAAAA\n".to_owned(),
        format!("log.example\n5\n{}\n", &root.to_base64()[..43]),
        format!("log.example\n5\n{}=\n", root.to_base64()),
        format!("log.example\n5\n{}\n", root.to_base64().replace('=', "")),
        format!("log.example\n5\n{}\n", root.to_hex()),
        format!("log.example\n5\n{root}\nextension\n"),
        format!("log.example\n5\n{root}\n\n"),
        format!("log.example\r\n5\r\n{root}\r\n"),
        format!("log.example\n5\n{root}\n\tx\n"),
        format!("log.example\n5\n{root}\n\u{7f}\n"),
    ] {
        refused(&sign_text(&body), "checkpoint-malformed");
    }
    let other = format!("log.examp1e\n5\n{root}\n");
    refused(&sign_text(&other), "checkpoint-origin-mismatch");
}

#[test]
fn what_is_not_a_note_is_refused() {
    let note = text(5);
    let (body, line) = note.split_once("\n\n").unwrap();
    let dashless = line.replacen('\u{2014}', "-", 1);
    let doubled = line.replacen(' ', "  ", 1);
    let nameless = line.replacen("log.example", "", 1);
    let plus = line.replacen("log.example", "log+example", 1);
    let wide = line.replacen("log.example", "log\u{2003}example", 1);
    let unpadded = line.replace("=\n", "\n");
    let only_id = NoteSignature::new("log.example", [1; 4], Vec::new()).to_line();
    for bytes in [
        String::new(),
        "\n".to_owned(),
        "\n\n".to_owned(),
        format!("{body}\n"),
        format!("{body}\n\n"),
        format!("{body}\n{line}"),
        note.trim_end().to_owned(),
        format!("{note}\n"),
        format!("{note}x"),
        format!("{body}\n\n{line}\n{line}"),
        format!("{body}\n\n{dashless}"),
        format!("{body}\n\n{doubled}"),
        format!("{body}\n\n{nameless}"),
        format!("{body}\n\n{plus}"),
        format!("{body}\n\n{wide}"),
        format!("{body}\n\n{unpadded}"),
        format!("{body}\n\n{only_id}{line}"),
        format!("{body}\n\n{line}not a signature\n"),
        note.replace('\n', "\r\n"),
    ] {
        refused(bytes.as_bytes(), "checkpoint-malformed");
    }
    refused(b"\xff\n\n", "checkpoint-malformed");
    refused(
        format!("\u{feff}{note}").as_bytes(),
        "checkpoint-origin-mismatch",
    );
}

#[test]
fn the_limits_hold() {
    let note = text(5);
    let witnesses = |count: usize, bytes: usize| {
        let line = NoteSignature::new("w.example", [1; 4], vec![1; bytes]).to_line();
        format!("{note}{}", line.repeat(count))
    };
    let parse = |note: String| SignedCheckpoint::parse(note.as_bytes()).map(|_| ());
    assert_eq!(parse(witnesses(63, 72)), Ok(()));
    assert_eq!(
        parse(witnesses(64, 72)),
        Err(NoteError::TooManySignatures {
            found: 65,
            most: 64
        })
    );
    // 16 cosignatures of ML-DSA-44 and larger fit.
    assert_eq!(parse(witnesses(16, 5000)), Ok(()));
    let large = witnesses(63, 5000);
    let found = large.len();
    assert_eq!(
        parse(large),
        Err(NoteError::TooLarge {
            found,
            most: limits::NOTE_BYTES
        })
    );
}

#[test]
fn witnesses_are_ignored_wherever_they_stand() {
    let note = text(5);
    let (body, line) = note.split_once("\n\n").unwrap();
    let witness = NoteSignature::new("w.example/1", [1; 4], vec![1; 72]).to_line();
    // The log's own second key, of another algorithm.
    let second = NoteSignature::new("log.example", [1; 4], vec![1; 70]).to_line();
    for lines in [
        format!("{witness}{line}"),
        format!("{line}{witness}"),
        format!("{witness}{second}{line}{witness}"),
    ] {
        let note = format!("{body}\n\n{lines}");
        let signed = SignedCheckpoint::parse(note.as_bytes()).unwrap();
        let checkpoint = signed.verify(log().key()).unwrap();
        assert_eq!(
            (checkpoint.size(), checkpoint.root()),
            (5, leaf_hash(b"leaf"))
        );
        assert_eq!(signed.as_bytes(), note.as_bytes());
    }
}

#[test]
fn extension_lines_are_read_only_when_asked_for() {
    let body = format!(
        "log.example\n5\n{}\nTimestamp: 1\nother\n",
        leaf_hash(b"leaf")
    );
    let note = sign_text(&body);
    refused(&note, "checkpoint-malformed");
    let signed = SignedCheckpoint::parse_with_extensions(&note).unwrap();
    assert_eq!(signed.checkpoint().extensions(), ["Timestamp: 1", "other"]);
    signed.verify(log().key()).unwrap();

    // The text splits at the last blank line, but a checkpoint has no empty lines.
    let body = format!("log.example\n5\n{}\n\nother\n", leaf_hash(b"leaf"));
    let error = SignedCheckpoint::parse_with_extensions(&sign_text(&body)).unwrap_err();
    assert_eq!(
        error,
        NoteError::Body {
            line: 4,
            problem: "is empty"
        }
    );
}

#[test]
fn a_signer_whose_signature_does_not_verify_is_not_believed() {
    struct Liar(TestSigner);
    impl CheckpointSigner for Liar {
        fn key(&self) -> &LogKey {
            self.0.key()
        }
        fn sign(&self, _: &[u8]) -> Result<[u8; 64], SignerError> {
            self.0.sign(b"something else")
        }
    }
    let liar = Liar(log());
    let checkpoint = Checkpoint::new(liar.key(), 0, empty_root());
    let error = SignedCheckpoint::sign(checkpoint, &liar).unwrap_err();
    assert_eq!(error.code(), "checkpoint-not-signed");

    let other = TestSigner::new("other.example", 7);
    let checkpoint = Checkpoint::new(other.key(), 0, empty_root());
    let error = SignedCheckpoint::sign(checkpoint, &log()).unwrap_err();
    assert_eq!(error.code(), "checkpoint-not-signed");
}

/// The example of this crate's documentation.
#[test]
fn a_signed_checkpoint_is_written_like_this() {
    let log = log();
    let checkpoint = Checkpoint::new(log.key(), 0, empty_root());
    let signed = SignedCheckpoint::sign(checkpoint, &log).unwrap();
    let note = str::from_utf8(signed.as_bytes()).unwrap();
    let vkey = "log.example+891bac2d+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs";
    assert_eq!(log.key().to_string(), vkey);
    let wanted = "\
log.example
0
47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=

\u{2014} log.example iRusLVRfX5aYfzefjXMB+UB8Q2/VbqcgmSzCxy9TzPOisUGUb+l7NN8arOWt8x1p79azg56PtAXte/SgjLR0Eu2oLA0=
";
    assert_eq!(note, wanted);
}

proptest! {
    #[test]
    fn checkpoints_round_trip(size: u64, root: [u8; 32]) {
        let log = log();
        let checkpoint = Checkpoint::new(log.key(), size, Hash::new(root));
        let signed = SignedCheckpoint::sign(checkpoint.clone(), &log).unwrap();
        let again = SignedCheckpoint::parse(signed.as_bytes()).unwrap();
        prop_assert_eq!(again.verify(log.key()), Ok(&checkpoint));
        prop_assert_eq!(again, signed);
    }

    #[test]
    fn any_changed_byte_is_refused(at: prop::sample::Index, bit in 0u8..8) {
        let mut note = signed(923_748);
        let at = at.index(note.len());
        note[at] ^= 1 << bit;
        let verdict = SignedCheckpoint::parse(&note).and_then(|it| it.verify(log().key()).cloned());
        prop_assert!(verdict.is_err());
    }

    #[test]
    fn any_truncation_is_refused(at: prop::sample::Index) {
        let note = signed(923_748);
        let verdict = SignedCheckpoint::parse(&note[..at.index(note.len())]);
        prop_assert!(verdict.is_err());
    }

    #[test]
    fn arbitrary_text_does_not_panic_and_parses_only_to_itself(note in "(\\PC|\n){0,200}") {
        if let Ok(signed) = SignedCheckpoint::parse_with_extensions(note.as_bytes()) {
            let mut again = format!("{}\n", signed.checkpoint().to_text());
            signed.signatures().iter().for_each(|it| again += &it.to_line());
            prop_assert_eq!(again, note);
        }
    }
}
