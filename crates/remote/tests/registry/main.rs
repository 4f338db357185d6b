//! A registry on the loopback, which keeps what it is given and misbehaves in one way at a time.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod credentials;
mod replica;
mod support;

use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use attest_digest::Digest;
use attest_remote::registry::{
    Access, Descriptor, IMAGE, INDEX, Name, Pushed, Reference, ReferrersSource, Registry,
    RegistryError, fallback_tag,
};
use support::{Answer, Kept, Server, options, sha256};

fn image(seed: &str) -> Vec<u8> {
    let empty = sha256(b"{}");
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","config":{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{empty}","size":2}},"layers":[],"annotations":{{"seed":"{seed}"}}}}"#
    )
    .into_bytes()
}

/// What the registry answers when it is asked for a manifest by its tag or digest.
fn refusal(server: &Server, name: &Name) -> &'static str {
    let registry = Registry::new(options()).unwrap();
    let repository = registry
        .repository(&server.reference(), Access::Pull)
        .unwrap();
    repository.manifest(name).unwrap_err().code()
}

fn referrers_refusal(server: &Server, subject: Digest) -> &'static str {
    let registry = Registry::new(options()).unwrap();
    let repository = registry
        .repository(&server.reference(), Access::Pull)
        .unwrap();
    repository.referrers(subject).unwrap_err().code()
}

fn tag(text: &str) -> Name {
    Name::Tag(text.to_owned())
}

fn manifest_answer(bytes: &[u8]) -> Answer {
    Answer::new(200, bytes).with("Content-Type", IMAGE)
}

fn index_answer(bytes: &[u8]) -> Answer {
    Answer::new(200, bytes).with("Content-Type", INDEX)
}

fn index_of(entries: &[String]) -> Vec<u8> {
    let entries = entries.join(",");
    format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{entries}]}}"#).into_bytes()
}

fn entry(digest: Digest) -> String {
    format!(r#"{{"mediaType":"{IMAGE}","digest":"{digest}","size":1}}"#)
}

fn descriptor(bytes: &[u8]) -> Descriptor {
    Descriptor {
        media_type: IMAGE.to_owned(),
        artifact_type: Some("application/vnd.example".to_owned()),
        digest: sha256(bytes),
        size: bytes.len() as u64,
        annotations: [("note".to_owned(), "grün".to_owned())].into(),
    }
}

#[test]
fn what_is_pushed_is_pulled_again_on_both_kinds_of_registry() {
    for lists in [true, false] {
        let server = Server::keeping(if lists {
            Kept::WithLists
        } else {
            Kept::WithoutLists
        });
        let registry = Registry::new(options()).unwrap();
        let repository = registry
            .repository(&server.reference(), Access::Push)
            .unwrap();
        let blob = vec![7_u8; (40 << 20) + 3];
        let (digest, size) = (sha256(&blob), blob.len() as u64);
        let push = || repository.push_blob(digest, size, &mut Cursor::new(&blob));
        assert_eq!(push().unwrap(), Pushed::New);
        assert_eq!(push().unwrap(), Pushed::Already);
        assert!(repository.blob(digest, size).unwrap() == Some(blob.clone()));
        let subject = image("subject");
        let named = repository
            .push_manifest(Some("1.0"), IMAGE, &subject)
            .unwrap();
        let read = repository.demand(&tag("1.0")).unwrap();
        assert_eq!((read.digest(), read.bytes()), (named, subject.as_slice()));
        assert_eq!(
            repository.referrers(named).unwrap().source,
            if lists {
                ReferrersSource::Api
            } else {
                ReferrersSource::None
            }
        );
        for seed in ["one", "two"] {
            let attached = support::attached(&image(seed), named, subject.len());
            repository
                .attach(named, &attached, &descriptor(&attached))
                .unwrap();
        }
        let found = repository.referrers(named).unwrap();
        assert_eq!(found.list.len(), 2, "{found:?}");
        assert!(
            found
                .list
                .iter()
                .any(|it| it.annotations.contains_key("note"))
        );
        let tags = repository.tags().unwrap();
        let fallback = fallback_tag(named);
        assert_eq!(tags.contains(&fallback), !lists);
        assert!(tags.contains(&"1.0".to_owned()));
    }
}

#[test]
fn a_manifest_that_is_another_than_was_asked_for_is_refused() {
    let (asked, given) = (image("asked"), image("given"));
    let name = Name::Digest(sha256(&asked));
    let honest = asked.clone();
    let server = Server::answering(move |_| manifest_answer(&honest));
    let registry = Registry::new(options()).unwrap();
    let repository = registry
        .repository(&server.reference(), Access::Pull)
        .unwrap();
    assert_eq!(repository.demand(&name).unwrap().bytes(), asked);
    let server = Server::answering(move |_| manifest_answer(&given));
    assert_eq!(refusal(&server, &name), "registry-differs");
    let lying = sha256(b"x").to_string();
    // The right bytes, and a header that says something else of them.
    let server =
        Server::answering(move |_| manifest_answer(&asked).with("Docker-Content-Digest", &lying));
    assert_eq!(refusal(&server, &tag("1")), "registry-malformed");
    assert_eq!(refusal(&server, &name), "registry-malformed");
}

#[test]
fn a_manifest_of_a_hundred_megabytes_is_refused_by_name() {
    // Announced, and endless.
    let server = Server::answering(|_| manifest_answer(&vec![b' '; 100 << 20]));
    assert_eq!(refusal(&server, &tag("1")), "registry-too-large");
    let server = Server::answering(|_| manifest_answer(b"").endless());
    assert_eq!(refusal(&server, &tag("1")), "registry-too-large");
}

#[test]
fn an_image_that_is_served_as_an_index_is_refused() {
    let server = Server::answering(|_| index_answer(&image("x")));
    assert_eq!(refusal(&server, &tag("1")), "registry-malformed");
    let server = Server::answering(|_| manifest_answer(b"not json"));
    assert_eq!(refusal(&server, &tag("1")), "registry-malformed");
    let server = Server::answering(|_| manifest_answer(br#"{"mediaType":1,"mediaType":2}"#));
    assert_eq!(refusal(&server, &tag("1")), "registry-malformed");
    // One that says nothing of itself is what it holds.
    let bare = br#"{"schemaVersion":2,"manifests":[]}"#;
    let server = Server::answering(|_| manifest_answer(bare));
    assert_eq!(refusal(&server, &tag("1")), "registry-malformed");
    let bare = br#"{"schemaVersion":2,"layers":[]}"#;
    let server = Server::answering(|_| index_answer(bare));
    assert_eq!(refusal(&server, &tag("1")), "registry-malformed");
}

#[test]
fn a_web_page_is_no_answer_and_no_absence() {
    for status in [200, 404] {
        let page = move |_: &support::Request| {
            Answer::new(status, b"<html>").with("Content-Type", "text/html")
        };
        let server = Server::answering(page);
        assert_eq!(refusal(&server, &tag("1")), "registry-content-type");
        let subject = sha256(b"x");
        assert_eq!(referrers_refusal(&server, subject), "registry-content-type");
    }
}

#[test]
fn every_error_of_a_server_is_an_error() {
    for (status, code) in [
        (400, "registry-http-status"),
        (401, "registry-denied"),
        (403, "registry-denied"),
        (429, "registry-http-status"),
        (500, "registry-http-status"),
        (503, "registry-http-status"),
    ] {
        let body = br#"{"errors":[{"code":"DENIED","message":"\u001b[2J"}]}"#;
        let server = Server::answering(move |_| Answer::new(status, body));
        assert_eq!(refusal(&server, &tag("1")), code);
        assert_eq!(referrers_refusal(&server, sha256(b"x")), code);
    }
}

#[test]
fn what_stands_for_a_list_is_none_only_if_it_is_not_there() {
    let subject = sha256(&image("subject"));
    for (status, code) in [
        (403, "registry-denied"),
        (429, "registry-http-status"),
        (500, "registry-http-status"),
    ] {
        let server = Server::answering(move |request| {
            let is_list = request.path.contains("/referrers/");
            Answer::new(if is_list { 404 } else { status }, b"{}")
        });
        assert_eq!(referrers_refusal(&server, subject), code);
    }
    let server = Server::answering(|_| Answer::new(404, b"{}"));
    let registry = Registry::new(options()).unwrap();
    let repository = registry
        .repository(&server.reference(), Access::Pull)
        .unwrap();
    let none = repository.referrers(subject).unwrap();
    assert_eq!((none.list.len(), none.source), (0, ReferrersSource::None));
}

#[test]
fn a_list_that_names_the_subject_itself_is_refused() {
    let subject = image("subject");
    let digest = sha256(&subject);
    // By the registry, by the tag, and a registry that resolves the tag to the subject.
    let list = index_of(&[entry(sha256(b"x")), entry(digest)]);
    let listed = list.clone();
    let server = Server::answering(move |_| index_answer(&listed));
    assert_eq!(referrers_refusal(&server, digest), "registry-referrers");
    let by_tag = |answer: Vec<u8>, kind: &'static str| {
        Server::answering(move |request| {
            if request.path.contains("/referrers/") {
                return Answer::new(404, b"{}");
            }
            Answer::new(200, &answer).with("Content-Type", kind)
        })
    };
    let odd = |server: &Server| referrers_refusal(server, digest);
    assert_eq!(odd(&by_tag(list, INDEX)), "registry-referrers");
    assert_eq!(odd(&by_tag(subject, IMAGE)), "registry-referrers");
    assert_eq!(odd(&by_tag(image("other"), IMAGE)), "registry-referrers");
}

#[test]
fn a_list_is_read_to_its_last_page_and_no_further() {
    let subject = sha256(b"subject");
    let registry = Registry::new(options()).unwrap();
    let paged = |next: fn(usize) -> Option<String>| {
        Server::answering(move |request| {
            let page = request.path.split("page=").nth(1);
            let page: usize = page.map_or(0, |it| it.parse().unwrap());
            let answer = index_answer(&index_of(&[entry(sha256(&page.to_be_bytes()))]));
            match next(page) {
                Some(link) => answer.with("Link", &link),
                None => answer,
            }
        })
    };
    let honest = paged(|page| {
        let subject = sha256(b"subject");
        (page < 4).then(|| {
            format!(
                r#"</v2/team/tool/referrers/{subject}?page={}>; rel="next""#,
                page + 1
            )
        })
    });
    let repository = registry
        .repository(&honest.reference(), Access::Pull)
        .unwrap();
    assert_eq!(repository.referrers(subject).unwrap().list.len(), 5);
    let endless = paged(|page| {
        let subject = sha256(b"subject");
        Some(format!(
            r#"</v2/team/tool/referrers/{subject}?page={}>; rel="next""#,
            page + 1
        ))
    });
    assert_eq!(
        referrers_refusal(&endless, subject),
        "registry-list-too-large"
    );
    let round = paged(|page| Some(format!(r#"<?page={}>; rel="next""#, (page + 1) % 3)));
    assert_eq!(referrers_refusal(&round, subject), "registry-malformed");
    assert_eq!(round.requests().len(), 4);
    // However a link is written, what it leads to is read, and one that cannot be read is no end.
    for link in [
        r#"<?page=0>; rel="first",<?page=1>; rel = "next""#,
        r#"<?page=1>; rel="last next""#,
    ] {
        let other = Server::answering(move |request| {
            if request.path.contains("page=1") {
                return index_answer(&index_of(&[entry(sha256(b"second"))]));
            }
            index_answer(&index_of(&[entry(sha256(b"first"))])).with("Link", link)
        });
        let repository = registry
            .repository(&other.reference(), Access::Pull)
            .unwrap();
        assert_eq!(repository.referrers(subject).unwrap().list.len(), 2);
    }
    let odd = paged(|_| Some(r#"?page=1; rel="next""#.to_owned()));
    assert_eq!(referrers_refusal(&odd, subject), "registry-malformed");
    // All of it is held: many large pages are as much as one that is too large.
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let large = Server::answering(move |_| {
        let page = count.fetch_add(1, Ordering::SeqCst);
        let long = format!(r#"1,"annotations":{{"x":"{}"}}}}"#, "y".repeat(1 << 20));
        let entry = entry(sha256(&page.to_be_bytes())).replace("1}", &long);
        let link = format!(r#"<?page={}>; rel="next""#, page + 1);
        index_answer(&index_of(&[entry])).with("Link", &link)
    });
    assert_eq!(
        referrers_refusal(&large, subject),
        "registry-list-too-large"
    );
    assert_eq!(asked.load(Ordering::SeqCst), 4);
    let same = paged(|_| Some(r#"<?>; rel="next""#.to_owned()));
    assert_ne!(referrers_refusal(&same, subject), "");
    let elsewhere = paged(|_| Some(r#"<http://127.0.0.1:9/v2/x>; rel="next""#.to_owned()));
    assert_eq!(referrers_refusal(&elsewhere, subject), "registry-malformed");
    let lost = Server::answering(move |request| {
        if request.path.contains("page=") {
            return Answer::new(404, b"{}");
        }
        let link = format!(r#"</v2/team/tool/referrers/{subject}?page=1>; rel="next""#);
        index_answer(&index_of(&[entry(sha256(b"x"))])).with("Link", &link)
    });
    assert_eq!(referrers_refusal(&lost, subject), "registry-referrers");
}

#[test]
fn an_index_of_a_million_entries_is_refused() {
    let subject = sha256(b"subject");
    let many = index_of(&vec![entry(sha256(b"x")); 1_000_000]);
    let server = Server::answering(move |_| index_answer(&many));
    assert_eq!(
        referrers_refusal(&server, subject),
        "registry-list-too-large"
    );
    // As many as fit into the bytes, in every page.
    let many = index_of(&vec![entry(sha256(b"x")); 20_000]);
    let server = Server::answering(move |_| index_answer(&many));
    assert_eq!(
        referrers_refusal(&server, subject),
        "registry-list-too-large"
    );
}

#[test]
fn a_tag_that_moves_is_noticed() {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::answering(move |_| {
        let turn = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        manifest_answer(&image(if turn == 0 { "before" } else { "after" }))
    });
    let registry = Registry::new(options()).unwrap();
    let repository = registry
        .repository(&server.reference(), Access::Pull)
        .unwrap();
    let named = repository.demand(&tag("1.0")).unwrap().digest();
    let moved = repository.check_tag("1.0", named).unwrap_err();
    assert_eq!(moved.code(), "registry-tag-moved");
    repository
        .check_tag("1.0", sha256(&image("after")))
        .unwrap();
}

#[test]
fn a_blob_is_held_to_its_size_and_digest() {
    let server = Server::answering(|_| Answer::new(200, b"hello"));
    let registry = Registry::new(options()).unwrap();
    let repository = registry
        .repository(&server.reference(), Access::Pull)
        .unwrap();
    let pulled =
        |bytes: &[u8], size: u64| repository.blob(sha256(bytes), size).map_err(|it| it.code());
    assert_eq!(pulled(b"hello", 5), Ok(Some(b"hello".to_vec())));
    assert_eq!(pulled(b"hello", 4), Err("registry-differs"));
    assert_eq!(pulled(b"hello", 6), Err("registry-differs"));
    assert_eq!(pulled(b"Hello", 5), Err("registry-differs"));
    let server = Server::answering(|_| Answer::new(200, b"").endless());
    let repository = registry
        .repository(&server.reference(), Access::Pull)
        .unwrap();
    let endless = repository.blob(sha256(b""), 1 << 20).unwrap_err();
    assert_eq!(endless.code(), "registry-differs");
    let server = Server::answering(|_| Answer::new(200, b"hel").announcing(5));
    let repository = registry
        .repository(&server.reference(), Access::Pull)
        .unwrap();
    let cut = repository.blob(sha256(b"hello"), 5).unwrap_err();
    assert_eq!(cut.code(), "registry-unreachable");
}

#[test]
fn what_is_not_what_it_is_called_is_not_pushed() {
    let server = Server::keeping(Kept::WithLists);
    let registry = Registry::new(options()).unwrap();
    let repository = registry
        .repository(&server.reference(), Access::Push)
        .unwrap();
    for size in [5, 40 << 20] {
        let bytes = vec![1_u8; size];
        let (digest, other) = (sha256(&bytes), sha256(b"x"));
        let push = |digest, size, bytes: &[u8]| {
            let refused = repository.push_blob(digest, size, &mut Cursor::new(bytes));
            refused.unwrap_err().code()
        };
        assert_eq!(push(other, size as u64, &bytes), "registry-source");
        assert_eq!(push(digest, size as u64, &bytes[1..]), "registry-source");
        assert_eq!(repository.blob_size(digest).unwrap(), None);
        assert_eq!(repository.blob_size(other).unwrap(), None);
    }
}

/// Small blobs are read again, of large ones the size is asked.
#[test]
fn a_blob_that_is_taken_and_not_kept_is_noticed() {
    for size in [5_usize, 2 << 20] {
        let bytes = vec![1_u8; size];
        let push = |server: &Server| {
            let registry = Registry::new(options()).unwrap();
            let repository = registry
                .repository(&server.reference(), Access::Push)
                .unwrap();
            let pushed =
                repository.push_blob(sha256(&bytes), size as u64, &mut Cursor::new(&bytes));
            pushed.map_err(|error| error.code())
        };
        let kept = Server::keeping(Kept::WithLists);
        assert_eq!(push(&kept), Ok(Pushed::New));
        assert_eq!(push(&kept), Ok(Pushed::Already));
        let forgets = Server::answering(|request| match request.method.as_str() {
            "POST" => Answer::new(202, b"").with("Location", "/upload"),
            "PUT" => Answer::new(201, b""),
            _ => Answer::new(404, b""),
        });
        assert_eq!(push(&forgets), Err("registry-not-kept"), "{size}");
    }
    // It says that it has everything, and hands nothing out.
    let server = Server::answering(|request| match request.method.as_str() {
        "HEAD" => Answer::new(200, b"").announcing(5),
        _ => Answer::new(404, b""),
    });
    let registry = Registry::new(options()).unwrap();
    let repository = registry
        .repository(&server.reference(), Access::Push)
        .unwrap();
    let pushed = repository.push_blob(sha256(b"hello"), 5, &mut Cursor::new(b"hello"));
    assert_eq!(pushed.unwrap_err().code(), "registry-not-kept");
}

#[test]
fn a_mirror_of_docker_io_is_one_of_the_host_that_it_is_called_as() {
    for name in ["docker.io", "index.docker.io", "registry-1.docker.io"] {
        let mut mirrored = options();
        mirrored.mirrors = vec![(name.to_owned(), "127.0.0.1:5000".to_owned())];
        let registry = Registry::new(mirrored).unwrap();
        for image in ["docker.io/alpine", "registry-1.docker.io/library/alpine"] {
            let reference = Reference::parse(image).unwrap();
            let read = registry.repository(&reference, Access::Pull).unwrap();
            assert_eq!(read.host(), "127.0.0.1:5000", "{name} {image}");
            let written = registry.repository(&reference, Access::Push).unwrap();
            assert_eq!(written.host(), "registry-1.docker.io");
        }
    }
}

#[test]
fn a_registry_that_keeps_something_else_is_noticed() {
    let server = Server::answering(|request| match request.method.as_str() {
        "PUT" => Answer::new(201, b""),
        _ => manifest_answer(&image("another")),
    });
    let registry = Registry::new(options()).unwrap();
    let repository = registry
        .repository(&server.reference(), Access::Push)
        .unwrap();
    let kept = repository.push_manifest(Some("1"), IMAGE, &image("ours"));
    assert_eq!(kept.unwrap_err().code(), "registry-not-kept");
}

#[test]
fn a_mirror_is_read_from_and_never_written_to() {
    let mirror = Server::keeping(Kept::WithLists);
    let origin = Server::keeping(Kept::WithLists);
    let bytes = image("x");
    let writing = Registry::new(options()).unwrap();
    writing
        .repository(&mirror.reference(), Access::Push)
        .unwrap()
        .push_manifest(Some("1"), IMAGE, &bytes)
        .unwrap();
    let mut mirrored = options();
    mirrored.mirrors = vec![(origin.host(), mirror.host())];
    let registry = Registry::new(mirrored).unwrap();
    let read = registry
        .repository(&origin.reference(), Access::Pull)
        .unwrap();
    assert_eq!(read.demand(&tag("1")).unwrap().bytes(), bytes);
    assert_eq!(origin.requests().len(), 0);
    let write = registry
        .repository(&origin.reference(), Access::Push)
        .unwrap();
    let missing = write.demand(&tag("1")).unwrap_err();
    assert!(matches!(missing, RegistryError::NotFound { .. }));
}

#[test]
fn a_silent_a_dripping_and_a_closed_server_are_left() {
    let server = Server::answering(|_| Answer::new(200, b"").silent());
    assert_eq!(refusal(&server, &tag("1")), "registry-timeout");
    let server = Server::answering(|_| manifest_answer(b"").dripping());
    assert_eq!(refusal(&server, &tag("1")), "registry-timeout");
    let closed = Server::closed();
    assert_eq!(refusal(&closed, &tag("1")), "registry-unreachable");
}

/// A size is a claim: nobody has verified the manifest that says it.
#[test]
fn a_size_that_is_claimed_gives_a_registry_no_time() {
    let started = Instant::now();
    for server in [
        Server::answering(|_| Answer::new(200, b"").silent()),
        Server::answering(|_| Answer::new(200, b"").dripping()),
    ] {
        let registry = Registry::new(options()).unwrap();
        let reference = server.reference();
        let repository = registry.repository(&reference, Access::Pull).unwrap();
        let error = repository
            .pull_blob(sha256(b"x"), 1 << 62, &mut Vec::new())
            .unwrap_err();
        assert_eq!(error.code(), "registry-timeout");
    }
    assert!(started.elapsed() < Duration::from_secs(15));
}

#[test]
fn many_answers_that_are_each_in_time_are_not_waited_for_without_end() {
    let server = Server::answering(|_| {
        std::thread::sleep(Duration::from_millis(200));
        manifest_answer(&image("x"))
    });
    let registry = Registry::new(options()).unwrap();
    let repository = registry
        .repository(&server.reference(), Access::Pull)
        .unwrap();
    registry.allow(Duration::from_millis(700));
    let answers: Vec<_> = (0..10).map(|_| repository.demand(&tag("1"))).collect();
    assert!(answers[0].is_ok(), "{:?}", answers[0]);
    let last = answers.last().unwrap().as_ref().unwrap_err();
    assert_eq!(last.code(), "registry-timeout");
    assert!(last.to_string().contains("0.7 s"), "{last}");
    assert!(server.requests().len() <= 4);
    // Each image is given as much.
    registry.allow(Duration::from_millis(700));
    repository.demand(&tag("1")).unwrap();
}

#[test]
fn a_registry_that_is_busy_is_waited_for_if_it_says_how_long() {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::answering(move |_| {
        if count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0 {
            return Answer::new(429, b"").with("Retry-After", "0");
        }
        manifest_answer(&image("x"))
    });
    let registry = Registry::new(options()).unwrap();
    let repository = registry
        .repository(&server.reference(), Access::Pull)
        .unwrap();
    repository.demand(&tag("1")).unwrap();
    let server = Server::answering(|_| Answer::new(429, b"").with("Retry-After", "3600"));
    assert_eq!(refusal(&server, &tag("1")), "registry-http-status");
    assert_eq!(server.requests().len(), 1);
}
