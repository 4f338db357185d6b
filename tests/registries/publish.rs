//! `release --publish oci://…`: the release under one tag, which is written last and never moved.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::loopback::{Answer, Kept, Request, Server};
use super::{Scene, TRUST, tls};
use crate::support::{Ran, World};

fn world() -> World {
    let world = World::new();
    world.write("dist/hello", "hello\n");
    world.write("dist/lib/x y", "x\n");
    world.attest("init --no-password --export trust").yes();
    world
}

fn publish(world: &World, to: &str, more: &str) -> Ran {
    world.attest(&format!(
        "release dist --name hello --version 1.0.0 --no-password --format json --publish-timeout 0 --publish {to}{more}"
    ))
}

/// The exit code, and what became of the release at the first target.
fn published(ran: &Ran) -> (i32, Value, Value) {
    let one = ran.json()["published"][0].clone();
    (ran.exit, one["code"].clone(), one["made"].clone())
}

fn writes(server: &Server) -> Vec<String> {
    let requests = server.requests().into_iter();
    let writes = requests.filter(|it| !matches!(it.method.as_str(), "GET" | "HEAD"));
    writes
        .map(|it| format!("{} {}", it.method, it.path))
        .collect()
}

/// What the server behind answers to the same request.
fn relay(request: &Request, behind: &str) -> Answer {
    let mut stream = TcpStream::connect(behind).unwrap();
    let kind = request.header("content-type").cloned().unwrap_or_default();
    let (method, path, length) = (&request.method, &request.path, request.body.len());
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&request.body).unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    let end = all.windows(4).position(|it| it == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(all[..end].to_vec()).unwrap();
    let said = |name: &str| {
        head.lines()
            .find_map(|it| it.strip_prefix(name)?.strip_prefix(": "))
    };
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut answer = Answer::new(status, &all[end + 4..]);
    for name in ["Content-Type", "Location"] {
        if let Some(value) = said(name) {
            answer = answer.with(name, value);
        }
    }
    answer.announcing(said("Content-Length").unwrap().parse().unwrap())
}

#[test]
fn a_release_is_published_under_its_version_read_back_and_pulled_by_others() {
    let (world, server) = (world(), Server::keeping(Kept::WithLists));
    let to = format!("oci://{}/team/tool", server.host());
    let ran = publish(&world, &to, "").yes();
    let one = ran.json()["published"][0].clone();
    assert_eq!(one["verdict"], "verified", "{one}");
    assert_eq!(one["target"], format!("{to}:1.0.0"));
    assert_eq!(one["made"], one["files"]);
    let last = writes(&server).pop().unwrap();
    assert_eq!(
        last, "PUT /v2/team/tool/manifests/1.0.0",
        "the tag comes last"
    );
    let pull = format!("registry pull {to}:1.0.0 -o back {TRUST} --release hello@1.0.0");
    world.attest(&pull).yes();
    assert_eq!(world.listing("dist"), world.listing("back"));
    // Again: nothing is made, nothing is written, everything is verified.
    let before = writes(&server).len();
    let again = publish(&world, &to, "").yes();
    assert_eq!(published(&again), (0, Value::Null, 0.into()));
    assert_eq!(writes(&server).len(), before);
}

#[test]
fn a_tag_that_names_something_else_is_left_as_it_is() {
    for folder in ["fewer", "other", "more"] {
        let (world, server) = (world(), Server::keeping(Kept::WithLists));
        let to = format!("oci://{}/team/tool:stable", server.host());
        world
            .attest("release dist --name hello --version 1.0.0 --no-password")
            .yes();
        world.shell(&format!("cp -r dist {folder}")).yes();
        match folder {
            "fewer" => drop(std::fs::remove_file(world.at("fewer/hello"))),
            "other" => drop(world.write("other/hello", "Hello\n")),
            _ => drop(world.write("more/added", "added\n")),
        }
        world.attest(&format!("registry push {folder} {to}")).yes();
        let before = writes(&server);
        let ran = publish(&world, &to, "");
        assert_eq!(
            published(&ran),
            (1, "publish-differs".into(), 0.into()),
            "{folder}"
        );
        assert_eq!(writes(&server), before, "{folder}");
    }
    // An image is no list of files.
    let scene = Scene::new(Kept::WithLists);
    scene.put("1", &["linux/amd64"]);
    scene.world.write("dist/hello", "hello\n");
    let before = writes(&scene.server);
    let ran = publish(&scene.world, &scene.image(":1"), "");
    assert_eq!(published(&ran), (1, "publish-differs".into(), 0.into()));
    assert!(ran.out.contains("no list of files"), "{ran:#?}");
    assert_eq!(writes(&scene.server), before);
}

#[test]
fn a_registry_that_fails_is_gone_on_with_and_asked_again() {
    let (world, behind) = (world(), Server::keeping(Kept::WithLists));
    let home = behind.host();
    let faults = Arc::new(AtomicUsize::new(1));
    let left = Arc::clone(&faults);
    let server = Server::answering(move |request| {
        let is_tag = request.method == "PUT" && request.path.contains("/manifests/");
        let take = |it: usize| it.checked_sub(1);
        if is_tag
            && left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, take)
                .is_ok()
        {
            return Answer::new(502, b"{}");
        }
        relay(request, &home)
    });
    let to = format!("oci://{}/team/tool:1", server.host());
    let ran = publish(&world, &to, "");
    let (exit, code, made) = published(&ran);
    assert_eq!((exit, code), (3, "registry-http-status".into()));
    assert!(made.as_u64().unwrap() > 0);
    // All is there but the tag.
    let again = publish(&world, &to, "").yes();
    assert_eq!(published(&again), (0, Value::Null, 0.into()));
    // Another tag, and a registry that comes to itself in time.
    faults.store(2, Ordering::SeqCst);
    let to = format!("oci://{}/team/tool:other", server.host());
    let line = format!(
        "release dist --name hello --version 1.0.0 --no-password --publish {to} --publish-timeout 20"
    );
    world.attest(&line).yes();
}

#[test]
fn a_registry_with_a_private_authority_is_believed_with_it_alone() {
    let (world, server) = (world(), Server::keeping(Kept::WithLists));
    let host = tls::before(&server.host());
    let to = format!("oci://{host}/team/tool:1.0.0");
    let authority = |name: &str| tls::fixture(name).display().to_string();
    // Loopback is called without TLS, which this one does not speak; and with another authority's word
    // it is somebody else.
    for more in [
        String::new(),
        format!(" --place-ca {}", authority("other.pem")),
    ] {
        let ran = publish(&world, &to, &more);
        assert_eq!(
            published(&ran),
            (3, "registry-unreachable".into(), 0.into()),
            "{more}"
        );
    }
    assert!(server.requests().is_empty());
    publish(&world, &to, &format!(" --place-ca {}", authority("ca.pem"))).yes();
    let pull = |out: &str, more: &str| {
        let line = format!("registry pull {to} -o {out} {TRUST} --release hello@1.0.0{more}");
        world.attest(&line)
    };
    pull("none", "").refused(3, "registry-unreachable");
    let other = format!(" --registry-ca {}", authority("other.pem"));
    pull("none", &other).refused(3, "registry-unreachable");
    assert!(!world.at("none").exists());
    pull("back", &format!(" --registry-ca {}", authority("ca.pem"))).yes();
    assert_eq!(world.listing("dist"), world.listing("back"));
    // What is no authority is refused before anybody is asked.
    let before = server.requests().len();
    for file in ["server.key", "nothing"] {
        let file = authority(file);
        pull("none", &format!(" --registry-ca {file}")).refused(2, "bad-arguments");
        publish(&world, &to, &format!(" --place-ca {file}")).refused(2, "bad-arguments");
    }
    assert_eq!(server.requests().len(), before);
}

/// Entries of a log are spent by then: what got its bundle is named, and what did not.
#[test]
fn of_several_images_what_was_attached_is_said_when_one_fails() {
    let scene = Scene::new(Kept::WithLists);
    for (tag, platform) in [
        ("1", "linux/amd64"),
        ("2", "linux/arm64"),
        ("3", "linux/s390x"),
    ] {
        scene.put(tag, &[platform]);
    }
    let behind = scene.server.host();
    let (count, second) = (AtomicUsize::new(0), OnceLock::new());
    let front = Server::answering(move |request| {
        if request.method == "PUT" && request.path.contains("/manifests/sha256:") {
            if count.fetch_add(1, Ordering::SeqCst) == 1 {
                second.get_or_init(|| request.path.clone());
            }
            if second.get() == Some(&request.path) {
                return Answer::new(500, b"");
            }
        }
        relay(request, &behind)
    });
    let image = |tag: u8| format!("oci://{}/team/tool:{tag}", front.host());
    let images = [image(1), image(2), image(3)].join(" ");
    let ran = scene
        .world
        .attest(&format!("sign --no-password --format json {images}"));
    assert_eq!(ran.exit, 3, "{ran:#?}");
    let report = ran.json();
    assert_eq!(
        (&report["exit"], &report["answer"]),
        (&3.into(), &"unknown".into())
    );
    assert_eq!(report["images"].as_array().unwrap().len(), 2);
    assert_eq!(report["lost"][0]["code"], "registry-http-status");
    for (tag, exit) in [(1, 0), (2, 1), (3, 0)] {
        let ran = scene
            .world
            .attest(&format!("verify {} {TRUST}", image(tag)));
        assert_eq!(ran.exit, exit, "{tag}: {ran:#?}");
    }
    // Where none was attached, that is all there is to say.
    let behind = scene.server.host();
    let refusing = Server::answering(move |request| match request.method.as_str() {
        "PUT" => Answer::new(500, b""),
        _ => relay(request, &behind),
    });
    let image = format!("oci://{}/team/tool:2", refusing.host());
    let ran = scene.world.attest(&format!("sign --no-password {image}"));
    ran.refused(3, "registry-http-status");
}
