//! The cases of `fixtures/openpgp`, `fixtures/minisign` and `fixtures/ssh`: one walker runs them all.
//!
//! A case is a folder: `file`, `signature` and `key`, and in `expect.toml` what must become of them. A
//! refused case names its accepted parent and the one change, and holds only what was changed.

use std::fs;
use std::path::{Path, PathBuf};

use attest_digest::{Artifact, Hashes};
use attest_verify::{
    Accept, Check, Detached, DetachedError, DetachedKey, Evidence, ExpectedSigner, ProvenSigner,
    Rejection, Skipped, Verifier,
};
use toml::Table;

const INPUTS: [&str; 3] = ["file", "signature", "key"];

const BOTH: Accept = Accept {
    no_log: true,
    no_time: true,
    set_only: false,
};

struct Case {
    folder: PathBuf,
    table: Table,
}

impl Case {
    fn read(area: &str, name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../fixtures")
            .join(area)
            .join(name);
        let text = fs::read_to_string(folder.join("expect.toml")).unwrap();
        let table: Table = text
            .parse()
            .unwrap_or_else(|it| panic!("{area}/{name}: {it}"));
        let known = ["accept", "reject", "parent", "change", "at"];
        let unknown = table.keys().find(|it| !known.contains(&it.as_str()));
        assert_eq!(unknown, None, "{area}/{name}");
        assert!(folder.join("SOURCE.md").exists(), "{area}/{name}");
        Self { folder, table }
    }

    fn all() -> Vec<(String, Self)> {
        let mut cases = Vec::new();
        for area in ["openpgp", "minisign", "ssh"] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../../fixtures")
                .join(area);
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    let name = path.file_name().unwrap().to_str().unwrap();
                    cases.push((format!("{area}/{name}"), Self::read(area, name)));
                }
            }
        }
        assert!(cases.len() > 100, "{}", cases.len());
        cases
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.table.get(key).map(|it| it.as_str().unwrap())
    }

    fn parent(&self) -> Option<Self> {
        let name = self.text("parent")?;
        let area = self.folder.parent().unwrap().file_name().unwrap();
        Some(Self::read(area.to_str().unwrap(), name))
    }

    fn input(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.join(name)).unwrap_or_else(|_| self.parent().unwrap().input(name))
    }

    fn at(&self) -> String {
        match self.text("at") {
            Some(at) => at.to_owned(),
            None => self.parent().unwrap().at(),
        }
    }

    fn run(&self, accept: Accept) -> Result<Evidence, Rejection> {
        let [file, signature, key] = INPUTS.map(|it| self.input(it));
        judge(&file, &signature, &key, &self.at(), accept)
    }
}

/// The codes with which cases are refused.
pub(crate) fn refused_codes() -> Vec<String> {
    let cases = Case::all().into_iter();
    let codes = cases.filter_map(|(_, case)| case.text("reject").map(str::to_owned));
    codes.collect()
}

fn judge(
    file: &[u8],
    signature: &[u8],
    key: &[u8],
    at: &str,
    accept: Accept,
) -> Result<Evidence, Rejection> {
    let verifier = Verifier::new(Vec::new(), at.parse().unwrap(), accept).unwrap();
    let detached = Detached::parse(signature)?;
    let observed = detached.observe(&mut { file }).unwrap();
    let artifact = Artifact::of_bytes(file, Hashes::Sha256);
    let expected = ExpectedSigner::Detached(DetachedKey::parse(key).unwrap());
    verifier
        .verify_detached(&detached, &observed, &artifact, &expected)
        .map_err(|error| match error {
            DetachedError::Rejected(rejection) => rejection,
            other => panic!("{other}"),
        })
}

#[test]
fn every_case_becomes_what_it_expects() {
    let mut wrong = Vec::new();
    for (name, case) in Case::all() {
        let wanted = case.text("reject").unwrap_or("accepted");
        let (found, said) = match case.run(BOTH) {
            Ok(_) => ("accepted", String::new()),
            Err(rejection) => (rejection.code(), rejection.to_string()),
        };
        if found != wanted {
            wrong.push(format!("{name}: {found}, wanted {wanted} ({said})"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// So that nothing is refused for another reason than the change. Of a weak key the signature is its
/// own too.
#[test]
fn every_refused_case_differs_from_an_accepted_parent_in_one_thing() {
    for (name, case) in Case::all() {
        let Some(parent) = case.parent() else {
            assert!(case.text("reject").is_none(), "{name}: name the parent");
            continue;
        };
        assert!(parent.run(BOTH).is_ok(), "{name}: its parent is refused");
        assert!(case.text("change").is_some_and(|it| !it.is_empty()));
        let own: Vec<_> = INPUTS
            .into_iter()
            .filter(|it| case.folder.join(it).exists())
            .collect();
        for input in &own {
            assert_ne!(case.input(input), parent.input(input), "{name}: {input}");
        }
        let changes = own.len() + usize::from(case.text("at").is_some());
        let is_kind = ["rsa1024", "dsa2048", "brainpool"]
            .iter()
            .any(|it| name == format!("openpgp/{it}"));
        assert_eq!(changes, if is_kind { 2 } else { 1 }, "{name}: {own:?}");
    }
}

/// None of these has a log or a trusted time; that is said, and accepted only when it is asked for.
#[test]
fn without_being_asked_nothing_is_accepted() {
    for (name, case) in Case::all() {
        if case.table.contains_key("accept") {
            let rejection = case.run(Accept::default()).unwrap_err();
            let codes: Vec<_> = rejection.checks().iter().map(Check::code).collect();
            assert_eq!(codes, ["log-missing", "time-missing"], "{name}");
            let no_log = Accept {
                no_log: true,
                ..Accept::default()
            };
            assert_eq!(case.run(no_log).unwrap_err().code(), "time-missing");
        }
    }
}

#[test]
fn the_evidence_says_whose_word_the_time_is() {
    let evidence = Case::read("openpgp", "subkey").run(BOTH).unwrap();
    let ProvenSigner::OpenPgp { primary, key } = evidence.signer() else {
        panic!("{:?}", evidence.signer());
    };
    assert_ne!(primary, key);
    assert!(evidence.times().is_empty() && evidence.logs().is_empty());
    let skipped: Vec<_> = evidence.skipped().iter().map(Skipped::code).collect();
    assert_eq!(skipped, ["no-log", "no-time", "signer-time"]);
}

#[test]
fn a_short_key_is_taken_and_named_so() {
    let said = |name: &str| {
        let evidence = Case::read("openpgp", name).run(BOTH).unwrap();
        let checks: Vec<String> = evidence.checks().iter().map(ToString::to_string).collect();
        checks.join(", ")
    };
    assert!(said("rsa2048").contains("3072 bits are advised"));
    assert!(!said("rsa3072").contains("3072 bits are advised"));
}

#[test]
fn a_key_of_another_kind_is_somebody_else() {
    let openpgp = Case::read("openpgp", "ed25519");
    for other in [
        Case::read("minisign", "signed"),
        Case::read("ssh", "ed25519"),
    ] {
        for (one, two) in [(&openpgp, &other), (&other, &openpgp)] {
            let [file, signature] = ["file", "signature"].map(|it| one.input(it));
            let refused = judge(&file, &signature, &two.input("key"), &one.at(), BOTH);
            assert_eq!(refused.unwrap_err().code(), "signer-mismatch");
        }
    }
}

#[test]
fn a_signer_is_the_holder_of_that_key_and_of_no_other() {
    let cases = [
        ("openpgp", "ed25519", "p256"),
        ("minisign", "signed", ""),
        ("ssh", "ed25519", ""),
    ];
    let key = |area: &str, name: &str| {
        let key = DetachedKey::parse(&Case::read(area, name).input("key")).unwrap();
        ExpectedSigner::Detached(key)
    };
    for (area, name, another) in cases {
        let evidence = Case::read(area, name).run(BOTH).unwrap();
        for (other, other_name, _) in cases {
            let is = evidence.signer().is(&key(other, other_name));
            assert_eq!(is, area == other, "{area} and {other}");
        }
        if !another.is_empty() {
            assert!(!evidence.signer().is(&key(area, another)), "{area}");
        }
    }
}

#[test]
fn bytes_that_are_signed_as_something_else_are_refused() {
    let case = Case::read("ssh", "ed25519");
    let [signature, key] = ["signature", "key"].map(|it| case.input(it));
    for bytes in [&b"DSSEv1 4 text 0 "[..], br#"{"_type":"layout","expires":"#] {
        let refused = judge(bytes, &signature, &key, &case.at(), BOTH);
        assert_eq!(refused.unwrap_err().code(), "pae-as-message");
    }
}

#[test]
fn bytes_that_changed_meanwhile_are_noticed() {
    let case = Case::read("ssh", "ed25519");
    let detached = Detached::parse(&case.input("signature")).unwrap();
    let observed = detached.observe(&mut &b"other"[..]).unwrap();
    let artifact = Artifact::of_bytes(&case.input("file"), Hashes::Sha256);
    let key = DetachedKey::parse(&case.input("key")).unwrap();
    let verifier = Verifier::new(Vec::new(), case.at().parse().unwrap(), BOTH).unwrap();
    let result = verifier.verify_detached(
        &detached,
        &observed,
        &artifact,
        &ExpectedSigner::Detached(key),
    );
    assert!(matches!(result, Err(DetachedError::Changed)));
}

/// Where `openpgp/binary` is neither signed nor proven: the type of the one subpacket that is not
/// hashed, and of each number the bits that it says it has, where its bytes stay as many.
const FREE: [std::ops::Range<usize>; 3] = [40..41, 51..53, 85..87];

#[test]
fn every_flipped_bit_of_a_signature_is_refused() {
    let case = Case::read("openpgp", "binary");
    let [file, signature, key] = INPUTS.map(|it| case.input(it));
    // Header, what is hashed, and the head of the digest are in no free range; nor are the numbers.
    assert_eq!((signature[1], signature.len()), (117, 119));
    for at in 0..signature.len() {
        for bit in 0..8 {
            let mut flipped = signature.clone();
            flipped[at] ^= 1 << bit;
            let result = judge(&file, &flipped, &key, &case.at(), BOTH);
            assert!(
                result.is_err() || FREE.iter().any(|it| it.contains(&at)),
                "bit {bit} of byte {at} of {}",
                signature.len()
            );
        }
    }
}

#[test]
fn every_truncation_of_a_signature_is_refused() {
    for (name, case) in Case::all() {
        if !case.table.contains_key("accept") {
            continue;
        }
        let [file, signature, key] = INPUTS.map(|it| case.input(it));
        let whole = signature.trim_ascii_end().len();
        for end in (0..whole).step_by(if whole > 400 { 7 } else { 1 }) {
            let result = judge(&file, &signature[..end], &key, &case.at(), BOTH);
            let is_first_of_two = name == "openpgp/two-blocks" || name == "openpgp/two-signers";
            assert!(result.is_err() || is_first_of_two, "{name} cut at {end}");
        }
    }
}

/// Whatever is done to a key or a signature, it is refused and nothing panics.
#[test]
fn nothing_that_is_flipped_in_a_key_makes_it_another() {
    for (area, name) in [
        ("openpgp", "subkey"),
        ("openpgp", "version-6"),
        ("ssh", "p256"),
    ] {
        let case = Case::read(area, name);
        let [file, signature, key] = INPUTS.map(|it| case.input(it));
        let Ok(ExpectedSigner::Detached(good)) =
            DetachedKey::parse(&key).map(ExpectedSigner::Detached)
        else {
            panic!("{name}")
        };
        for at in 0..key.len() {
            let mut flipped = key.clone();
            flipped[at] ^= 0x04;
            let Ok(parsed) = DetachedKey::parse(&flipped) else {
                continue;
            };
            let result = {
                let verifier = Verifier::new(Vec::new(), case.at().parse().unwrap(), BOTH).unwrap();
                let detached = Detached::parse(&signature).unwrap();
                let observed = detached.observe(&mut &file[..]).unwrap();
                let artifact = Artifact::of_bytes(&file, Hashes::Sha256);
                let expected = ExpectedSigner::Detached(parsed.clone());
                verifier.verify_detached(&detached, &observed, &artifact, &expected)
            };
            assert!(result.is_err() || parsed == good, "{area}/{name} at {at}");
        }
    }
}

#[test]
fn an_expired_key_is_refused_with_its_end_and_the_time_of_the_signature() {
    let result = Case::read("openpgp", "subkey-expired").run(BOTH);
    let words = result.unwrap_err().to_string();
    for time in ["2024-05-01T12:00:00Z", "before 2024-04-30T12:00:00Z"] {
        assert!(words.contains(time), "{words}");
    }
}

/// Else a file of many salts would have a large file read as often.
#[test]
fn one_reading_serves_all_signatures_of_a_file() {
    let signature = |name| Case::read("openpgp", name).input("signature");
    let both = ["p256", "p521"].map(signature).join(&b"\n"[..]);
    let pieces = Detached::parse(&both).unwrap().split();
    let [one, other] = pieces.as_slice() else {
        panic!("{} signatures", pieces.len())
    };
    let observed = one.observe(&mut &b"bytes"[..]).unwrap();
    assert!(observed.covers(one) && observed.covers(other));
    let alone = Detached::parse(&signature("p256")).unwrap();
    let observed = alone.observe(&mut &b"bytes"[..]).unwrap();
    assert!(observed.covers(&alone) && !observed.covers(other));
}

/// Each of many signatures over a large name would hash it again.
#[test]
fn a_name_beyond_its_limit_is_refused() {
    let key = Case::read("openpgp", "version-6").input("key");
    let with_name = |bytes: usize| {
        let length = u32::try_from(bytes).unwrap().to_be_bytes();
        let name = [&[0xcd, 0xff], length.as_slice(), &vec![b'a'; bytes]].concat();
        DetachedKey::parse(&[key.as_slice(), &name].concat())
    };
    let most = attest_verify::limits::OPENPGP_NAME_BYTES;
    assert!(with_name(most).is_ok());
    assert_eq!(with_name(most + 1).unwrap_err().code(), "key-unreadable");
}

#[test]
fn keys_are_one_and_public() {
    let one = Case::read("openpgp", "ed25519").input("key");
    let two = Case::read("openpgp", "p256").input("key");
    let both = [one.as_slice(), &two].concat();
    assert_eq!(DetachedKey::parse_all(&both).unwrap().len(), 2);
    for (bytes, code) in [
        (both.as_slice(), "key-unsupported"),
        (
            b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nAAAA\n-----END PGP PRIVATE KEY BLOCK-----\n",
            "key-unsupported",
        ),
        (b"ssh-dss AAAAB3NzaC1kc3MAAAAA\n", "key-unsupported"),
        (b"", "key-unreadable"),
        (
            b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n",
            "key-unreadable",
        ),
    ] {
        assert_eq!(DetachedKey::parse(bytes).unwrap_err().code(), code);
    }
}
