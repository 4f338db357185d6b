//! Checksum files, read and written.

use std::fs;
use std::process::{Command, Stdio};

use attest_digest::{
    Algorithm, Artifact, Checksums, Digest, Hashes, RelativePath, checksums_algorithm_of_name,
};
use proptest::prelude::*;
use tempfile::tempdir;

const HEX: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

fn parse(text: &str) -> Result<Checksums, attest_digest::ChecksumsError> {
    Checksums::parse(text.as_bytes(), Algorithm::Sha256)
}

/// Refuses the text with this code, in this line.
#[track_caller]
fn assert_refused(text: &str, code: &str, line: usize) {
    let error = parse(text).unwrap_err();
    assert_eq!((error.code(), error.line()), (code, Some(line)), "{error}");
}

#[test]
fn a_name_that_climbs_is_refused() {
    for name in ["../x", "a/../../x", "..", "a/.."] {
        assert_refused(
            &format!("{HEX}  ok\n{HEX}  {name}\n"),
            "name-parent-component",
            2,
        );
        assert_refused(
            &format!("SHA256 ({name}) = {HEX}\n"),
            "name-parent-component",
            1,
        );
        assert_refused(
            &format!("\\{HEX}  \\\\/{name}\n"),
            "name-parent-component",
            1,
        );
    }
}

#[test]
fn an_absolute_name_is_refused() {
    assert_refused(&format!("{HEX}  /etc/passwd\n"), "name-absolute", 1);
    assert_refused(&format!("{HEX} */etc/passwd\n"), "name-absolute", 1);
    assert_refused(
        &format!("SHA256 (/etc/passwd) = {HEX}\n"),
        "name-absolute",
        1,
    );
}

#[test]
fn a_name_that_is_spelt_oddly_is_refused() {
    for name in ["././a", "a/./b", ".", "./."] {
        assert_refused(&format!("{HEX}  {name}\n"), "name-dot-component", 1);
    }
    assert_refused(&format!("{HEX}  .//a\n"), "name-absolute", 1);
    assert_refused(&format!("{HEX}  ./../a\n"), "name-parent-component", 1);
    assert_refused(&format!("{HEX}  ./\n"), "name-empty", 1);
    assert_refused(&format!("{HEX}  a//b\n"), "name-empty-component", 1);
    assert_refused(&format!("{HEX}  -\n"), "name-dash", 1);
    assert_refused(&format!("{HEX}  \n"), "name-empty", 1);
    assert_refused(&format!("SHA256 () = {HEX}\n"), "name-empty", 1);
}

#[test]
fn carriage_returns_are_refused() {
    assert_refused(&format!("{HEX}  a\r\n"), "checksums-line-ending", 1);
    assert_refused(
        &format!("{HEX}  a\n{HEX}  b\r\n"),
        "checksums-line-ending",
        2,
    );
    assert_refused(
        &format!("SHA256 (a) = {HEX}\r\n"),
        "checksums-line-ending",
        1,
    );
    assert_refused(&format!("{HEX}  a\rb\n"), "name-control-character", 1);
}

#[test]
fn a_name_twice_is_refused_also_with_one_digest() {
    let other = HEX.replace('2', "3");
    for second in [HEX, &other] {
        let text = format!("{HEX}  b\n{HEX}  a\n{second} *b\n");
        assert_refused(&text, "checksums-name-duplicate", 3);
        assert!(parse(&text).unwrap_err().to_string().contains("line 1 too"));
    }
    for (one, other) in [
        (format!("{HEX}  a\\b\n"), format!("\\{HEX}  a\\\\b\n")),
        (format!("{HEX}  a\n"), format!("{HEX}  ./a\n")),
        (format!("{HEX} *./a\n"), format!("{HEX}  a\n")),
        (format!("\\{HEX}  ./a\\\\b\n"), format!("{HEX}  a\\b\n")),
        (
            format!("SHA256(a)= {HEX}\n"),
            format!("SHA2-256(./a)= {HEX}\n"),
        ),
    ] {
        assert_refused(&format!("{one}{other}"), "checksums-name-duplicate", 2);
    }
}

#[test]
fn a_name_with_escaped_control_characters_is_refused() {
    assert_refused(&format!("\\{HEX}  a\\nb\n"), "name-control-character", 1);
    assert_refused(&format!("\\{HEX}  a\\rb\n"), "name-control-character", 1);
    assert_refused(&format!("{HEX}  a\x1b[2Kb\n"), "name-control-character", 1);
    assert_refused(&format!("{HEX}  a\0b\n"), "name-control-character", 1);
}

#[test]
fn an_escape_that_coreutils_does_not_write_is_refused() {
    for name in ["plain", "a\\tb", "a\\"] {
        assert_refused(&format!("\\{HEX}  {name}\n"), "checksums-escape-invalid", 1);
        assert_refused(
            &format!("\\SHA256 ({name}) = {HEX}\n"),
            "checksums-escape-invalid",
            1,
        );
    }
}

#[test]
fn two_forms_in_one_file_are_refused() {
    let forms = [
        format!("{HEX}  a\n"),
        format!("SHA256 (b) = {HEX}\n"),
        format!("SHA256(c)= {HEX}\n"),
    ];
    for (index, one) in forms.iter().enumerate() {
        for other in forms.iter().enumerate().filter(|(it, _)| *it != index) {
            let text = format!("{one}{}", other.1);
            assert_refused(&text, "checksums-forms-mixed", 2);
        }
    }
}

#[test]
fn what_openssl_does_not_print_is_refused() {
    for line in [
        format!("SHA256(a)={HEX}"),
        format!("SHA256(a) = {HEX}"),
        format!("SHA256(a= {HEX}"),
        format!("(a)= {HEX}"),
        format!(" SHA256(a)= {HEX}"),
        format!("HMAC-SHA2-256 (a)= {HEX}"),
    ] {
        assert_refused(&format!("{line}\n"), "checksums-line-malformed", 1);
    }
    for tag in [
        "SHA1",
        "MD5",
        "SHA2-512",
        "SHA3-256",
        "HMAC-SHA2-256",
        "sha256",
    ] {
        let line = format!("{tag}(a)= {HEX}\n");
        assert_refused(&line, "checksums-algorithm-mismatch", 1);
    }
    // It escapes nothing: a line that says so is not its own.
    assert_refused(
        &format!("\\SHA256(a\\\\b)= {HEX}\n"),
        "checksums-escape-invalid",
        1,
    );
    assert_refused(&format!("SHA256(a)= {HEX}\r\n"), "checksums-line-ending", 1);
    assert_refused(
        &format!("SHA256(../a)= {HEX}\n"),
        "name-parent-component",
        1,
    );
    assert_refused(
        &format!("SHA256(a)= {}\n", &HEX[1..]),
        "digest-malformed",
        1,
    );
}

#[test]
fn what_openssl_prints_is_read() {
    for name in ["a", "./a", "a)= b", "a (b", "back\\slash", " leads"] {
        for tag in ["SHA256", "SHA2-256"] {
            let sums = parse(&format!("{tag}({name})= {HEX}\n")).unwrap();
            let wanted = name.strip_prefix("./").unwrap_or(name);
            assert_eq!(sums.entries()[0].0.as_str(), wanted);
        }
    }
}

#[test]
fn a_line_that_coreutils_skips_is_refused() {
    for line in [
        "",
        " ",
        "# a comment",
        "-----BEGIN",
        HEX,
        &format!("{HEX} "),
        &format!("{HEX} one-space"),
        &format!("{HEX}\ttab"),
        &format!(" {HEX}  indented"),
        &format!("\u{feff}{HEX}  bom"),
        &format!("SHA256 (a) ={HEX}"),
        &format!("SHA256 (a = {HEX}"),
        &format!("{}  a", HEX.replace('2', "g")),
    ] {
        let text = format!("{HEX}  first\n{line}\n");
        assert_refused(&text, "checksums-line-malformed", 2);
    }
}

#[test]
fn a_digest_that_is_not_exact_is_refused() {
    let upper = HEX.to_uppercase();
    for hex in [&upper, &HEX[1..], &format!("{HEX}0"), &format!("{HEX}00")] {
        assert_refused(&format!("{hex}  a\n"), "digest-malformed", 1);
        assert_refused(&format!("SHA256 (a) = {hex}\n"), "digest-malformed", 1);
    }
    assert_refused(&format!("SHA256 (a) = {HEX} \n"), "digest-malformed", 1);
}

#[test]
fn a_digest_of_another_algorithm_is_refused() {
    let code = "checksums-algorithm-mismatch";
    for length in [32, 40, 56, 96, 128] {
        assert_refused(&format!("{}  a\n", "0".repeat(length)), code, 1);
    }
    for tag in [
        "MD5",
        "SHA1",
        "SHA512",
        "SHA512/256",
        "BLAKE2b-256",
        "sha256",
    ] {
        assert_refused(&format!("{tag} (a) = {HEX}\n"), code, 1);
    }
    let error = Checksums::parse(format!("{HEX}  a\n").as_bytes(), Algorithm::Sha512).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 1: digest is of SHA256, wanted sha512"
    );
}

#[test]
fn an_empty_file_is_refused() {
    assert_eq!(parse("").unwrap_err().code(), "checksums-empty");
    assert_refused("\n", "checksums-line-malformed", 1);
}

#[test]
fn a_file_that_may_have_been_cut_is_refused() {
    assert_refused(&format!("{HEX}  a\n{HEX}  b"), "checksums-truncated", 2);
    assert_refused(&format!("{HEX}  a"), "checksums-truncated", 1);
}

#[test]
fn a_signed_message_is_refused() {
    let text = format!(
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{HEX}  a\n-----BEGIN PGP SIGNATURE-----\n"
    );
    assert_eq!(parse(&text).unwrap_err().code(), "checksums-clear-signed");
    // And one below a line that is none of its text.
    assert_refused(&format!("{HEX}  a\n{text}"), "checksums-line-malformed", 2);
}

#[test]
fn a_file_that_is_not_utf8_is_refused() {
    let text = [format!("{HEX}  a").as_bytes(), b"\xff\n"].concat();
    let error = Checksums::parse(&text, Algorithm::Sha256).unwrap_err();
    assert_eq!(error.code(), "checksums-not-utf8");
    let utf16: Vec<u8> = format!("{HEX}  a\n")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert!(Checksums::parse(&utf16, Algorithm::Sha256).is_err());
}

#[test]
fn an_absurd_size_is_refused() {
    let error = Checksums::parse(&vec![b'a'; (64 << 20) + 1], Algorithm::Sha256).unwrap_err();
    assert_eq!(error.code(), "checksums-too-large");
}

#[test]
fn names_are_read_as_they_are() {
    for name in [
        " leads", "trails ", "*star", "a) = b", "a\\b", "x  y", "(a) = b", "é", ".a", "..a",
    ] {
        for line in [format!("{HEX}  {name}\n"), format!("{HEX} *{name}\n")] {
            let sums = parse(&line).unwrap();
            assert_eq!(sums.entries()[0].0.as_str(), name);
        }
        let sums = parse(&format!("SHA256 ({name}) = {HEX}\n")).unwrap();
        assert_eq!(sums.entries()[0].0.as_str(), name);
    }
}

#[test]
fn entries_keep_their_order_and_are_found_by_name() {
    let other = HEX.replace('2', "3");
    let sums = parse(&format!("{HEX}  b\n{other}  a\n{HEX}  c/d\n")).unwrap();
    let names: Vec<&str> = sums
        .entries()
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["b", "a", "c/d"]);
    assert_eq!(sums.algorithm(), Algorithm::Sha256);
    assert_eq!(sums.get("a").unwrap().hex(), other);
    assert_eq!(sums.get("c/d").unwrap().hex(), HEX);
    for absent in ["", "c", "z", "A"] {
        assert_eq!(sums.get(absent), None);
    }
}

#[test]
fn checksum_files_are_known_by_their_names() {
    for (name, algorithm) in [
        ("SHA256SUMS", Some(Algorithm::Sha256)),
        ("SHA512SUMS", Some(Algorithm::Sha512)),
        ("dist/SHA256SUMS", Some(Algorithm::Sha256)),
        ("checksums.txt", Some(Algorithm::Sha256)),
        ("tool_1.0_checksums.txt", Some(Algorithm::Sha256)),
        ("tool.tar.gz.sha256", Some(Algorithm::Sha256)),
        ("tool.tar.gz.sha512", Some(Algorithm::Sha512)),
        ("SHA256SUMS.sig", None),
        ("SHA256SUMS.txt", None),
        ("SHA1SUMS", None),
        ("sha256sums", None),
        ("SHA256SUMS/file", None),
        ("tool.sha1", None),
        ("", None),
    ] {
        assert_eq!(checksums_algorithm_of_name(name), algorithm, "{name}");
    }
}

/// Names that a file can have and a [`RelativePath`] too.
const ODD_NAMES: [&str; 9] = [
    "plain",
    " leads",
    "trails ",
    "*star",
    "back\\slash",
    "\\",
    "a) = b (c",
    "#hash",
    "é",
];

#[test]
fn what_coreutils_prints_is_read() {
    let folder = tempdir().unwrap();
    for name in ODD_NAMES {
        fs::write(folder.path().join(name), name).unwrap();
    }
    for (tool, algorithm) in [
        ("sha256sum", Algorithm::Sha256),
        ("sha384sum", Algorithm::Sha384),
        ("sha512sum", Algorithm::Sha512),
    ] {
        for flag in ["--text", "--binary", "--tag"] {
            let mut command = Command::new(tool);
            command
                .args([flag, "--"])
                .args(ODD_NAMES)
                .current_dir(folder.path());
            let sums = Checksums::parse(&command.output().unwrap().stdout, algorithm).unwrap();
            assert_eq!(sums.entries().len(), ODD_NAMES.len());
            for (index, (name, digest)) in sums.entries().iter().enumerate() {
                assert_eq!(name.as_str(), ODD_NAMES[index]);
                let artifact = Artifact::of_bytes(name.as_str().as_bytes(), Hashes::All);
                assert_eq!(artifact.digest(algorithm), Some(*digest));
            }
        }
    }
}

#[test]
fn what_we_print_is_what_coreutils_prints_and_checks() {
    let folder = tempdir().unwrap();
    let mut entries = Vec::new();
    for name in ODD_NAMES {
        fs::write(folder.path().join(name), name).unwrap();
        let digest = Artifact::of_bytes(name.as_bytes(), Hashes::Sha256).sha256();
        entries.push((RelativePath::parse(name).unwrap(), digest));
    }
    let ours = Checksums::gnu(&entries);
    let mut sha256sum = Command::new("sha256sum");
    sha256sum
        .arg("--")
        .args(ODD_NAMES)
        .current_dir(folder.path());
    assert_eq!(ours.as_bytes(), sha256sum.output().unwrap().stdout);

    fs::write(folder.path().join("SHA256SUMS"), &ours).unwrap();
    let mut check = Command::new("sha256sum");
    check
        .args(["-c", "--strict", "SHA256SUMS"])
        .current_dir(folder.path());
    assert!(check.stdout(Stdio::null()).status().unwrap().success());
}

fn names() -> impl Strategy<Value = Vec<RelativePath>> {
    let name = "[ -~éß]{1,12}".prop_filter_map("no path", |it| RelativePath::parse(&it).ok());
    prop::collection::btree_set(name, 1..20).prop_map(|it| it.into_iter().collect())
}

proptest! {
    #[test]
    fn what_we_print_reads_as_it_was(names in names(), seed: [u8; 32]) {
        let entries: Vec<_> = names.into_iter().map(|it| (it, Digest::Sha256(seed))).collect();
        let sums = parse(&Checksums::gnu(&entries)).unwrap();
        prop_assert_eq!(sums.entries(), &entries);
        for (name, digest) in &entries {
            prop_assert_eq!(sums.get(name.as_str()), Some(digest));
        }
    }

    #[test]
    fn what_is_read_and_printed_reads_the_same(
        lines in prop::collection::vec("[0-9a-f]{64}( [ *]|  )[ -~]{1,6}", 1..5),
    ) {
        let text: String = lines.iter().flat_map(|it| [it, "\n"]).collect();
        if let Ok(sums) = parse(&text) {
            prop_assert_eq!(parse(&Checksums::gnu(sums.entries())).unwrap(), sums);
        }
    }

    #[test]
    fn nothing_panics(bytes: Vec<u8>, text in "[0-9a-f\\\\ *()=SHA256\r\n./]{0,200}") {
        for algorithm in Algorithm::ALL {
            let _ = Checksums::parse(&bytes, algorithm);
            let _ = Checksums::parse(text.as_bytes(), algorithm);
        }
    }
}
