//! `attest trust`, and roots that are made with it.

use std::io::{Read, Write};

use super::{Case, in_place};
use crate::page::root as repository;
use crate::schema::Schema;
use crate::support::{Ran, World};

#[test]
fn the_chain_of_an_embedded_root_is_shown_as_far_as_it_is_proven() {
    let world = World::new();
    let shown = world.attest("trust show --format json").yes().json();
    assert_eq!(shown["root"], "@public-good");
    let tuf = &shown["embedded"]["tuf"];
    assert_eq!(tuf["proven"], true);
    assert_eq!(
        (&tuf["first_root"], &tuf["last_root"], &tuf["targets"]),
        (&14.into(), &16.into(), &14.into())
    );
    let kinds: Vec<&str> = shown["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["kind"].as_str().unwrap())
        .collect();
    for kind in [
        "transparency log",
        "certificate authority",
        "certificate log",
        "timestamp authority",
    ] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    for (name, said) in [
        ("@public-good", "lead to these bytes, as of 2026-08-30"),
        ("@staging", "not proven"),
        ("@github", "not proven"),
    ] {
        let shown = world.attest(&format!("trust show {name}")).yes();
        assert!(shown.out.contains(said), "{shown:#?}");
    }
    world
        .attest("trust show @nobody")
        .refused(2, "trusted-root-unknown");
    world
        .attest("trust show absent.json")
        .refused(3, "trusted-root-unreadable");
}

#[test]
fn an_exported_root_is_the_embedded_one_and_its_pin_is_printed() {
    let world = World::new();
    let written = world.attest("trust export @staging -o root.json").yes();
    let pin = written.line("pin").to_owned();
    let pinned = world.attest("trust pin root.json").yes();
    assert_eq!(pinned.out.trim(), pin);
    Case::staging()
        .verify(&["--trusted-root", &in_place(&world, &pin)])
        .yes();
    let same = world.attest("trust diff @staging root.json").yes();
    assert!(same.out.contains("the same bytes"), "{same:#?}");
    world
        .attest("trust export @staging -o root.json")
        .refused(2, "file-exists");
    world
        .attest("trust export @github -o root.json --force")
        .yes();
    let changed = world.attest("trust diff @staging root.json --format json");
    assert_eq!(changed.exit, 1, "{changed:#?}");
    let changed = changed.json();
    assert!(!changed["removed"].as_array().unwrap().is_empty());
    assert!(!changed["added"].as_array().unwrap().is_empty());
}

/// A file with the same root on two lines, as gh writes several.
fn lines(world: &World) {
    let one_line = |name: &str| {
        let path = repository().join("crates/verify/roots").join(name);
        let text = std::fs::read_to_string(path).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        value.to_string()
    };
    let text = format!(
        "{}\n{}\n",
        one_line("public-good/trusted_root.json"),
        one_line("staging/trusted_root.json")
    );
    world.write("roots.jsonl", text);
}

#[test]
fn a_file_of_several_roots_is_read_line_by_line() {
    let world = World::new();
    lines(&world);
    let file = in_place(&world, "roots.jsonl");
    for case in [Case::public_good(), Case::staging()] {
        case.verify(&["--trusted-root", &file]).yes();
    }
    // Under another name it is one document, and two documents are none.
    std::fs::rename(world.at("roots.jsonl"), world.at("roots.json")).unwrap();
    Case::staging()
        .verify(&["--trusted-root", &in_place(&world, "roots.json")])
        .refused(2, "trusted-root-malformed");
    world.write("empty.jsonl", "\n \n");
    Case::staging()
        .verify(&["--trusted-root", &in_place(&world, "empty.jsonl")])
        .refused(2, "trusted-root-malformed");
}

#[test]
fn several_files_are_imported_into_one_root() {
    let world = World::new();
    lines(&world);
    world.attest("trust export @github -o github.json").yes();
    let imported = world
        .attest("trust import roots.jsonl github.json github.json -o all.json")
        .yes();
    assert!(imported.out.contains("rekor.sigstore.dev"), "{imported:#?}");
    let all = in_place(&world, "all.json");
    for case in [Case::public_good(), Case::staging()] {
        case.verify(&["--trusted-root", &all]).yes();
    }
    let text = String::from_utf8(world.read("all.json")).unwrap();
    assert!(text.contains("trustedroot+json;version=0.1"), "{text}");
    // Once each, whatever is imported twice.
    let logs = world
        .attest("trust show all.json --format json")
        .yes()
        .json();
    let mut ids: Vec<String> = logs["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), all);
    // Two days of one root: until when a log was used stands in the later one alone.
    let ended = String::from_utf8(world.read("github.json")).unwrap();
    world.write("github-later.json", ended.replace(' ', ""));
    let mut later: serde_json::Value = serde_json::from_slice(
        &std::fs::read(repository().join("crates/verify/roots/staging/trusted_root.json")).unwrap(),
    )
    .unwrap();
    later["tlogs"][0]["publicKey"]["validFor"]["end"] = "2026-12-31T00:00:00Z".into();
    world.write("later.json", later.to_string());
    world
        .attest("trust import roots.jsonl later.json github-later.json github.json -o both.json")
        .yes();
    Case::staging()
        .verify(&["--trusted-root", &in_place(&world, "both.json")])
        .yes();
    // One log under two names is none.
    later["tlogs"][0]["baseUrl"] = "https://elsewhere.example".into();
    world.write("other.json", later.to_string());
    world
        .attest("trust import roots.jsonl other.json -o x.json")
        .refused(1, "trusted-root-malformed");
    world.write("broken.json", "{}");
    world
        .attest("trust import broken.json -o x.json")
        .refused(1, "trusted-root-malformed");
    assert!(!world.at("x.json").exists());
}

/// An identity of our own, taken apart into the files that `trust create` takes.
fn parts(world: &World) -> String {
    world.write("dist/a.txt", "alpha\n");
    world
        .attest("release dist --name hello --version 1.0.0 --init --no-password")
        .yes();
    let root: serde_json::Value =
        serde_json::from_slice(&world.read(".attest/trust/trusted_root.json")).unwrap();
    let pem = |label: &str, base64: &serde_json::Value| {
        format!(
            "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
            base64.as_str().unwrap()
        )
    };
    let log = &root["tlogs"][0];
    world.write("log.pub", pem("PUBLIC KEY", &log["publicKey"]["rawBytes"]));
    let chain: String = root["timestampAuthorities"][0]["certChain"]["certificates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| pem("CERTIFICATE", &it["rawBytes"]))
        .collect();
    world.write("tsa.pem", chain);
    log["baseUrl"].as_str().unwrap().to_owned()
}

#[test]
fn a_root_that_is_made_of_pem_verifies_what_was_made_under_it() {
    let world = World::new();
    let url = parts(&world);
    let log = format!("{url}=log.pub");
    let create = |more: &[&str]| {
        let mut arguments = vec!["trust", "create", "-o", "made.json", "--force"];
        arguments.extend(more);
        world.attest_with(&arguments)
    };
    let verify = || {
        world.attest_with(&[
            "verify",
            "dist",
            "--key",
            ".attest/trust/release.pub",
            "--trusted-root",
            "made.json",
        ])
    };
    create(&["--log-key", &log, "--tsa-chain", "tsa.pem"]).yes();
    verify().yes();
    // Without the log, or without the authority, it is not enough; nor with the authority as a CA.
    create(&["--tsa-chain", "tsa.pem"]).yes();
    assert_eq!(verify().exit, 1);
    create(&["--log-key", &log]).yes();
    assert_eq!(verify().exit, 1);
    create(&["--log-key", &log, "--ca", "tsa.pem"]).refused(1, "trusted-root-malformed");
    create(&["--log-key", "log.pub"]).refused(2, "bad-arguments");
    create(&[]).refused(2, "bad-arguments");
    // A log whose key is younger than its entries.
    create(&[
        "--log-key",
        &log,
        "--tsa-chain",
        "tsa.pem",
        "--start",
        "2099-01-01",
    ])
    .yes();
    assert_eq!(verify().exit, 1);
}

/// Roots of Sigstore carry logs with keys that nothing takes, and reading passes over them. Who makes a root
/// wants what they name in it.
#[test]
fn a_log_of_which_no_signature_would_be_taken_is_not_put_into_a_root() {
    let world = World::new();
    let url = parts(&world);
    let rsa = repository().join("fixtures/layouts/golang-demo/owner.pub");
    world.write("rsa.pub", std::fs::read(rsa).unwrap());
    for (flag, key, found) in [
        ("--ct-key", "log.pub", "ed25519"),
        ("--log-key", "rsa.pub", "rsa"),
        ("--ct-key", "rsa.pub", "rsa"),
    ] {
        let named = format!("{url}={key}");
        let ran = world
            .attest_with(&["trust", "create", "-o", "made.json", flag, &named])
            .refused(2, "key-unsupported");
        assert!(ran.err.to_lowercase().contains(found), "{ran:#?}");
        assert!(!world.at("made.json").exists());
    }
}

#[test]
fn variables_are_trusted_behind_their_flag_alone_and_are_named() {
    let world = World::new();
    let url = parts(&world);
    let verify = |flags: &[&str]| {
        let mut arguments = vec![
            "verify",
            "dist",
            "--key",
            ".attest/trust/release.pub",
            "--format",
            "json",
        ];
        arguments.extend(flags);
        Ran::of(
            world
                .command()
                .args(arguments)
                .env("SIGSTORE_REKOR_PUBLIC_KEY", "log.pub")
                .env("COSIGN_REKOR_URL", &url)
                .env("SIGSTORE_TSA_CERTIFICATE_FILE", "tsa.pem"),
        )
    };
    assert_eq!(verify(&[]).exit, 1);
    let report = verify(&["--trust-env"]).yes().json();
    let places: Vec<&str> = report["trust"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["what"] == "trusted root")
        .map(|it| it["place"].as_str().unwrap())
        .collect();
    assert_eq!(
        places,
        [
            "SIGSTORE_REKOR_PUBLIC_KEY=log.pub",
            "SIGSTORE_TSA_CERTIFICATE_FILE=tsa.pem"
        ]
    );
    // With no variable set, the flag changes nothing.
    let report = Case::public_good().verify(&["--trust-env"]).yes().json();
    assert_eq!(report["trust"][0]["place"], "@public-good");
    world.write("log.pub", "no key");
    verify(&["--trust-env"]).refused(2, "trusted-root-malformed");
    std::fs::remove_file(world.at("log.pub")).unwrap();
    verify(&["--trust-env"]).refused(2, "trusted-root-unreadable");
    // What lies in the folder that is verified is not trusted by this way either.
    std::fs::copy(world.at("tsa.pem"), world.at("dist/tsa.pem")).unwrap();
    let beside = Ran::of(
        world
            .command()
            .args(["verify", "dist", "--key", ".attest/trust/release.pub"])
            .args(["--trust-env"])
            .env("SIGSTORE_TSA_CERTIFICATE_FILE", "dist/tsa.pem"),
    );
    beside.refused(2, "trust-beside-subject");
}

/// Serves the metadata of the embedded public-good root on loopback.
fn mirror() -> String {
    let folder = repository().join("crates/verify/roots/public-good");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
                request.push(byte[0]);
            }
            let text = String::from_utf8_lossy(&request).into_owned();
            let path = text.split(' ').nth(1).unwrap_or_default();
            let name = path.rsplit('/').next().unwrap_or_default();
            let (status, body) = match std::fs::read(folder.join(name)) {
                Ok(bytes) => ("200 OK", bytes),
                Err(_) => ("404 Not Found", Vec::new()),
            };
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(&[head.as_bytes(), &body].concat());
        }
    });
    address
}

#[test]
fn a_refresh_takes_nothing_that_is_not_in_force() {
    let world = World::new();
    let refresh = |more: &[&str]| {
        let mut arguments = vec!["trust", "refresh", "-o", "new.json"];
        arguments.extend(more);
        world.attest_with(&arguments)
    };
    // The public-good repository as it was in August, which is not now.
    refresh(&["--mirror", &mirror()]).refused(1, "tuf-expired");
    refresh(&["--mirror", "http://127.0.0.1:1"]).refused(3, "tuf-unreachable");
    refresh(&["--mirror", "ftp://mirror.example"]).refused(2, "tuf-address");
    refresh(&["@nobody"]).refused(2, "trusted-root-unknown");
    refresh(&["--at", "2026-08-30"]).refused(2, "bad-arguments");
    world.write("root.json", "{}");
    refresh(&["--root", "root.json", "--mirror", "http://127.0.0.1:1"])
        .refused(2, "tuf-root-unusable");
    world.write("state.json", "{}");
    refresh(&["--state", "state.json"]).refused(2, "tuf-state-unusable");
    assert!(!world.at("new.json").exists());
    // What could not be written is not fetched.
    world.write("new.json", "");
    refresh(&["--mirror", "http://127.0.0.1:1"]).refused(2, "file-exists");
}

/// What was seen is remembered before the root is there, or nothing is there.
#[test]
fn a_refresh_that_could_not_remember_fetches_nothing() {
    let world = World::new();
    let nobody = "trust refresh -o new.json --mirror http://127.0.0.1:1";
    let refresh = |state: &str| world.attest(&format!("{nobody} --state {state}"));
    world.shell("mkdir sub && ln -s new.json link").yes();
    for state in ["new.json", "./new.json", "sub/../new.json"] {
        refresh(state).refused(2, "bad-arguments");
    }
    world.write("new.json", "");
    for state in ["new.json", "link"] {
        world
            .attest(&format!("{nobody} --force --state {state}"))
            .refused(2, "bad-arguments");
    }
    assert!(world.read("new.json").is_empty());
    std::fs::remove_file(world.at("new.json")).unwrap();
    refresh("absent/state.json").refused(3, "write-failed");
    refresh("state.json").refused(3, "tuf-unreachable");
}

#[test]
fn answers_of_every_kind_are_as_the_published_schema_says() {
    let schema = Schema::read("trust-1.json");
    let world = World::new();
    let url = parts(&world);
    let create = format!("trust create -o made.json --log-key {url}=log.pub --tsa-chain tsa.pem");
    let import = "trust import root.json made.json -o both.json";
    let refresh = format!("trust refresh -o new.json --mirror {}", mirror());
    for (line, exit) in [
        ("trust show", 0),
        ("trust show @staging", 0),
        ("trust show absent.json", 3),
        ("trust show @nobody", 2),
        ("trust export @public-good -o root.json", 0),
        ("trust export @public-good -o root.json", 2),
        (&*create, 0),
        (import, 0),
        ("trust show both.json", 0),
        ("trust pin root.json both.json", 0),
        ("trust diff root.json @public-good", 0),
        ("trust diff root.json both.json", 1),
        (&*refresh, 1),
    ] {
        let ran = world.attest(&format!("{line} --format json"));
        assert_eq!(ran.exit, exit, "{line}: {ran:#?}");
        let report = ran.json();
        schema.accepts(&report);
        assert_eq!(report["exit"], exit, "{line}");
    }
}
