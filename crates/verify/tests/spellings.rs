//! Detached signatures have one spelling, one kind in a file, and no length that is not there.

use std::fs;
use std::path::Path;

use attest_provenance::base64;
use attest_verify::Detached;

/// A signature of each kind that is written as text, and what its lines of base64 lie between.
const KINDS: [(&str, &str, &str); 3] = [
    ("openpgp/ed25519", "\n\n", "\n=L73L"),
    (
        "minisign/signed",
        "secret key\n",
        "\ntrusted comment: release 1.0",
    ),
    (
        "ssh/ed25519",
        "BEGIN SSH SIGNATURE-----\n",
        "\n-----END SSH",
    ),
];

fn signature(name: &str) -> String {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    fs::read_to_string(fixtures.join(name).join("signature")).unwrap()
}

#[track_caller]
fn refused(text: impl AsRef<[u8]>, wanted: &[&str], what: &str) {
    let Err(rejection) = Detached::parse(text.as_ref()) else {
        panic!("{what} is read")
    };
    let codes: Vec<&str> = rejection
        .checks()
        .iter()
        .map(attest_verify::Check::code)
        .collect();
    assert!(wanted.contains(&codes[0]), "{what}: {codes:?}");
}

/// The text before its base64, the base64, and the text after it.
fn parts<'t>(text: &'t str, before: &str, after: &str) -> [&'t str; 3] {
    let start = text.find(before).unwrap() + before.len();
    let end = start + text[start..].find(after).unwrap();
    [&text[..start], &text[start..end], &text[end..]]
}

#[test]
fn a_signature_has_one_spelling_of_base64() {
    for (name, before, after) in KINDS {
        let text = signature(name);
        Detached::parse(text.as_bytes()).unwrap();
        let [head, encoded, tail] = parts(&text, before, after);
        let last = encoded.len() - 1;
        let unpadded = encoded.trim_end_matches('=');
        let mut spellings = vec![
            ("another alphabet", encoded.replacen(['+', '/'], "_", 1)),
            ("a character too many", format!("{encoded}A")),
            ("a character too few", encoded[..last].to_owned()),
            ("more padding", format!("{encoded}=")),
            (
                "a space inside",
                format!("{} {}", &encoded[..9], &encoded[9..]),
            ),
            (
                "a NUL inside",
                format!("{}\0{}", &encoded[..9], &encoded[9..]),
            ),
            ("none", String::new()),
        ];
        if unpadded != encoded {
            spellings.push(("no padding", unpadded.to_owned()));
        }
        for (what, spelling) in spellings {
            assert_ne!(spelling, encoded, "{name}: {what}");
            refused(
                format!("{head}{spelling}{tail}"),
                &["signature-malformed"],
                &format!("{name}: {what}"),
            );
        }
    }
}

/// The last character before the padding has bits that stand for nothing.
#[test]
fn bits_behind_the_last_byte_of_base64_are_refused() {
    for (name, before, after) in KINDS {
        let text = signature(name);
        let [head, encoded, tail] = parts(&text, before, after);
        let end = encoded.trim_end_matches('=').len();
        let (kept, padding) = encoded.split_at(end);
        let free = match padding.len() {
            0 => continue,
            1 => 4,
            _ => 16,
        };
        let alphabet: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').collect();
        let (rest, last) = kept.split_at(end - 1);
        let value = alphabet
            .iter()
            .position(|it| last.starts_with(*it))
            .unwrap();
        for bits in 1..free {
            let Some(other) = alphabet.get(value + bits) else {
                continue;
            };
            let spelling = format!("{head}{rest}{other}{padding}{tail}");
            refused(
                spelling,
                &["signature-malformed"],
                &format!("{name}: {other} in place of {last}"),
            );
        }
    }
}

#[test]
fn no_file_of_signatures_is_of_two_kinds() {
    let bundle = r#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}"#;
    let kinds = KINDS.map(|(name, ..)| signature(name));
    for (one, text) in kinds.iter().enumerate() {
        for (other, more) in kinds.iter().enumerate() {
            if one != other {
                refused(
                    format!("{text}{more}"),
                    &["signature-malformed"],
                    &format!("{one} and {other}"),
                );
            }
        }
        refused(
            format!("{text}{bundle}\n"),
            &["signature-malformed"],
            &format!("{one} and a bundle"),
        );
        refused(
            format!("{bundle}\n{text}"),
            &["signature-malformed"],
            &format!("a bundle and {one}"),
        );
        for more in ["x", "\n\nx", "\0"] {
            refused(
                format!("{text}{more}"),
                &["signature-malformed"],
                &format!("{one} and {more:?}"),
            );
        }
        refused(
            format!("\u{feff}{text}"),
            &["signature-malformed"],
            &format!("a mark before {one}"),
        );
    }
}

/// Every length of an SSH signature, and every number of bytes in front of an OpenPGP packet and of what is
/// in it, said to be as large as it can be said, or one more or less than it is.
#[test]
fn a_length_that_is_not_there_is_refused() {
    /// A name that is a byte longer is the name of something else, and what is too long to be read is not.
    const LENGTHS: &[&str] = &[
        "signature-malformed",
        "signature-algorithm-unsupported",
        "signature-too-large",
    ];
    let text = signature("ssh/ed25519");
    let [head, encoded, tail] = parts(&text, KINDS[2].1, KINDS[2].2);
    let bytes = base64::decode(&encoded.replace('\n', "")).unwrap();
    let mut lengths = 0;
    for at in 10..bytes.len() - 4 {
        let said: [u8; 4] = bytes[at..at + 4].try_into().unwrap();
        let said = u32::from_be_bytes(said);
        if said == 0 || said as usize > bytes.len() {
            continue;
        }
        lengths += 1;
        for other in [u32::MAX, u32::MAX / 2, said + 1, said - 1] {
            let mut changed = bytes.clone();
            changed[at..at + 4].copy_from_slice(&other.to_be_bytes());
            let text = format!("{head}{}{tail}", base64::encode(&changed));
            refused(text, LENGTHS, &format!("a length of {other} at {at}"));
        }
    }
    assert!(lengths >= 8, "{lengths}");

    let packet = base64::decode(
        &parts(&signature("openpgp/ed25519"), KINDS[0].1, KINDS[0].2)[1].replace('\n', ""),
    );
    let packet = packet.unwrap();
    Detached::parse(&packet).unwrap();
    // Tag 2 with a length of one byte, version 4, type, two algorithms, the length of what is hashed.
    assert_eq!((packet[0], packet[2], packet[6]), (0x88, 4, 0));
    for (at, what) in [(1, "the packet"), (7, "what is hashed"), (8, "a subpacket")] {
        for other in [0xff, packet[at] + 1, packet[at] - 1] {
            let mut changed = packet.clone();
            changed[at] = other;
            refused(&changed, LENGTHS, &format!("{what}: {other}"));
        }
    }
    for length in [u32::MAX, u32::MAX / 2, 0x7fff_ffff] {
        let long = [&[0xc2, 0xff], &length.to_be_bytes()[..], &packet[2..]].concat();
        refused(long, LENGTHS, &format!("a packet of {length} bytes"));
    }
}
