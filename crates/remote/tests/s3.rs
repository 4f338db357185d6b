//! Replicas in buckets: those that overwrite, lie, drip and break come first.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]

#[path = "servers/bucket.rs"]
mod bucket;

use std::io::{Cursor, Read};
use std::time::{Duration, Instant};

use attest_archive::{Item, ItemKind, Put, Replica, ReplicaError};
use attest_digest::{Artifact, Hashes};
use attest_remote::{
    Patience, PlaceError, PlainHttp, S3Address, S3Credentials, S3Replica, S3Settings,
};
use bucket::{Bucket, Does, Ignores};

fn settings(bucket: &Bucket) -> S3Settings {
    S3Settings {
        endpoint: Some(bucket.endpoint.clone()),
        region: None,
        credentials: Some(S3Credentials::new("AKID", "very-secret", Some("token"))),
        plain_http: PlainHttp::Loopback,
        patience: Patience {
            connect: Duration::from_secs(2),
            total: Duration::from_secs(2),
        },
        authorities: Vec::new(),
        now: "2026-11-22T00:00:00Z".parse().unwrap(),
    }
}

fn address() -> S3Address {
    S3Address::parse("s3://releases/vault").unwrap()
}

fn made(bucket: &Bucket) -> S3Replica {
    S3Replica::init(&address(), &settings(bucket)).unwrap()
}

fn refused(bucket: &Bucket) -> PlaceError {
    let started = Instant::now();
    let error = S3Replica::init(&address(), &settings(bucket))
        .err()
        .unwrap();
    assert!(started.elapsed() < Duration::from_secs(10));
    let text = format!("{error} {error:?}");
    assert!(
        !text.contains("very-secret") && !text.contains("X-Amz"),
        "{text}"
    );
    error
}

fn item(bytes: &[u8]) -> Item {
    Item {
        digest: Artifact::of_bytes(bytes, Hashes::Sha256).sha256(),
        size: bytes.len() as u64,
        kind: ItemKind::Blob,
    }
}

fn key(item: &Item) -> String {
    format!("vault/blobs/sha256/{}", item.digest.hex())
}

fn read(replica: &S3Replica, item: &Item) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    replica.get(item).unwrap()?.read_to_end(&mut bytes).unwrap();
    Some(bytes)
}

#[test]
fn a_bucket_that_makes_an_object_twice_is_refused_and_nothing_is_entrusted_to_it() {
    let bucket = Bucket::start();
    bucket.state().ignores = Ignores::Absence;
    assert_eq!(refused(&bucket).code(), "place-unfit");
    assert_eq!(bucket.keys(), ["vault/oci-layout"]);
    // Mended, it is taken.
    bucket.state().ignores = Ignores::Nothing;
    made(&bucket);
}

#[test]
fn a_bucket_that_replaces_what_somebody_else_has_written_is_refused() {
    let bucket = Bucket::start();
    bucket.state().ignores = Ignores::Tags;
    assert_eq!(refused(&bucket).code(), "place-unfit");
    assert_eq!(bucket.keys(), ["vault/oci-layout"]);
}

#[test]
fn what_is_there_and_is_no_archive_is_not_touched() {
    let bucket = Bucket::start();
    let foreign = b"{\"imageLayoutVersion\":\"2.0.0\"}".to_vec();
    let objects = [("vault/oci-layout".to_owned(), foreign)];
    bucket.state().objects.extend(objects.clone());
    assert_eq!(refused(&bucket).code(), "place-malformed");
    assert_eq!(bucket.state().objects, objects.into());
    assert!(
        bucket
            .state()
            .requests
            .iter()
            .all(|it| it.starts_with("GET"))
    );
}

#[test]
fn nobody_writes_without_a_login_and_nothing_is_sent() {
    let bucket = Bucket::start();
    let settings = S3Settings {
        credentials: None,
        ..settings(&bucket)
    };
    let error = S3Replica::init(&address(), &settings).err().unwrap();
    assert_eq!(error.code(), "place-credentials");
    assert!(bucket.state().requests.is_empty());
    // Reading what is public needs none.
    made(&bucket);
    let replica = S3Replica::open(&address(), &settings).unwrap();
    assert_eq!(replica.index().unwrap(), None);
}

#[test]
fn plain_http_to_another_machine_and_credentials_in_an_address_are_refused() {
    let bucket = Bucket::start();
    for endpoint in [
        "http://example.com",
        "https://user:pw@example.com",
        "file:///x",
    ] {
        let settings = S3Settings {
            endpoint: Some(endpoint.to_owned()),
            ..settings(&bucket)
        };
        let error = S3Replica::open(&address(), &settings).err().unwrap();
        assert_eq!(error.code(), "place-address");
        assert!(!error.to_string().contains("pw@"));
    }
}

#[test]
fn each_answer_that_is_none_has_its_name() {
    let denied = "<Error><Code>AccessDenied</Code></Error>";
    let missing = "<Error><Code>NoSuchBucket</Code></Error>";
    for (does, code) in [
        (Does::Answer(403, denied), "place-denied"),
        (Does::Answer(401, ""), "place-denied"),
        (Does::Answer(404, missing), "place-http-status"),
        (Does::Answer(429, "slow down"), "place-http-status"),
        (Does::Answer(500, "<html>oops"), "place-http-status"),
        (Does::Answer(503, ""), "place-http-status"),
        (Does::Answer(200, "<html>hello"), "place-malformed"),
        (
            Does::Redirect("http://127.0.0.1:1/".to_owned()),
            "place-redirect",
        ),
        (Does::Silence, "place-timeout"),
        (Does::Close, "place-unreachable"),
        (Does::Endless, "place-malformed"),
    ] {
        let bucket = Bucket::start();
        bucket.fault("GET", does);
        assert_eq!(refused(&bucket).code(), code);
        assert!(bucket.keys().is_empty());
    }
    let bucket = Bucket::start();
    bucket.fault("PUT", Does::Answer(403, denied));
    let error = refused(&bucket);
    assert_eq!(error.code(), "place-denied");
    assert!(error.to_string().contains("AccessDenied"), "{error}");
    let mut nobody = settings(&bucket);
    nobody.endpoint = Some("http://127.0.0.1:1".to_owned());
    let error = S3Replica::init(&address(), &nobody).err().unwrap();
    assert_eq!(error.code(), "place-unreachable");
}

#[test]
fn what_is_put_is_there_and_stays_as_it_is() {
    let bucket = Bucket::start();
    let mut replica = made(&bucket);
    let large: Vec<u8> = (0_u32..1_000_003).map(|it| it.to_le_bytes()[0]).collect();
    for bytes in [&b""[..], b"hello", &large] {
        let item = item(bytes);
        assert_eq!(replica.size(&item).unwrap(), None);
        assert!(replica.get(&item).unwrap().is_none());
        assert_eq!(
            replica.put(&item, &mut Cursor::new(bytes)).unwrap(),
            Put::New
        );
        assert_eq!(
            replica.put(&item, &mut Cursor::new(bytes)).unwrap(),
            Put::Already
        );
        assert_eq!(replica.size(&item).unwrap(), Some(item.size));
        assert_eq!(read(&replica, &item).unwrap(), bytes);
        assert_eq!(bucket.state().objects[&key(&item)], bytes);
    }
    replica.flush().unwrap();
}

#[test]
fn other_bytes_of_another_size_are_told_and_stay() {
    let bucket = Bucket::start();
    let mut replica = made(&bucket);
    let item = item(b"hello");
    bucket.state().objects.insert(key(&item), b"hell".to_vec());
    let error = replica.put(&item, &mut Cursor::new(b"hello")).unwrap_err();
    assert_eq!(error.code(), "replica-differs");
    assert_eq!(bucket.state().objects[&key(&item)], b"hell");
}

#[test]
fn a_source_with_other_bytes_leaves_nothing() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is dead"))
        }
    }
    let bucket = Bucket::start();
    let mut replica = made(&bucket);
    let wanted = vec![7; 300_000];
    let item = item(&wanted);
    let mut flipped = wanted.clone();
    flipped[299_999] ^= 1;
    let longer = [&wanted[..], b"x"].concat();
    let sources: [Box<dyn Read>; 5] = [
        Box::new(Cursor::new(flipped)),
        Box::new(Cursor::new(wanted[..299_999].to_vec())),
        Box::new(Cursor::new(longer)),
        Box::new(std::io::repeat(7)),
        Box::new(Broken),
    ];
    for mut source in sources {
        let error = replica.put(&item, &mut *source).unwrap_err();
        assert!(matches!(error, ReplicaError::Source { .. }), "{error}");
        assert_eq!(bucket.keys(), ["vault/oci-layout"]);
    }
}

#[test]
fn an_upload_whose_answer_is_lost_is_there_the_next_time() {
    let bucket = Bucket::start();
    let mut replica = made(&bucket);
    let item = item(b"hello");
    bucket.fault_times("PUT vault/blobs", Does::Mute, 1);
    let error = replica.put(&item, &mut Cursor::new(b"hello")).unwrap_err();
    assert_eq!(error.code(), "replica-unavailable");
    assert_eq!(
        replica.put(&item, &mut Cursor::new(b"hello")).unwrap(),
        Put::Already
    );
}

#[test]
fn a_stream_that_breaks_is_an_error_and_no_end() {
    let bucket = Bucket::start();
    let mut replica = made(&bucket);
    let item = item(&vec![7; 100_000]);
    replica
        .put(&item, &mut Cursor::new(vec![7; 100_000]))
        .unwrap();
    // Other bytes are for who asked to find out.
    bucket.fault_times("GET vault/blobs", Does::OtherBytes, 1);
    assert_ne!(read(&replica, &item).unwrap()[0], 7);
    bucket.fault("GET vault/blobs", Does::Cut);
    let mut bytes = Vec::new();
    replica
        .get(&item)
        .unwrap()
        .unwrap()
        .read_to_end(&mut bytes)
        .unwrap_err();
}

#[test]
fn a_list_of_many_pages_is_read_to_its_end() {
    let bucket = Bucket::start();
    let replica = made(&bucket);
    let items: Vec<Item> = (0_u8..25).map(|it| item(&[it])).collect();
    for it in &items {
        bucket.state().objects.insert(key(it), Vec::new());
    }
    for other in [
        "vault/blobs/sha256/readme",
        "vault/index.json",
        "elsewhere/x",
    ] {
        bucket.state().objects.insert(other.to_owned(), Vec::new());
    }
    bucket.state().page = 7;
    let mut digests: Vec<_> = items.iter().map(|it| it.digest).collect();
    digests.sort_unstable();
    assert_eq!(replica.list().unwrap(), digests);
}

#[test]
fn a_list_that_is_none_does_not_end_or_begins_again_is_an_error_and_no_absence() {
    let again = "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><IsTruncated>true</IsTruncated>\
        <NextContinuationToken>t</NextContinuationToken></ListBucketResult>";
    let lost = "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><IsTruncated>true</IsTruncated>\
        </ListBucketResult>";
    let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><ListBucketResult \
        xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Contents><Key>&b;</Key></Contents></ListBucketResult>";
    for does in [
        Does::Answer(200, again),
        Does::Answer(200, lost),
        Does::Answer(200, bomb),
        Does::Answer(200, "<html></html>"),
        Does::Answer(200, ""),
        Does::Answer(403, ""),
        Does::Answer(404, ""),
        Does::Answer(500, ""),
        Does::Endless,
        Does::Close,
    ] {
        let bucket = Bucket::start();
        let replica = made(&bucket);
        bucket.fault("GET ", does);
        assert_eq!(replica.list().unwrap_err().code(), "replica-unavailable");
    }
}

#[test]
fn an_index_is_replaced_only_if_it_is_the_one_that_was_seen() {
    let bucket = Bucket::start();
    let mut replica = made(&bucket);
    assert_eq!(replica.index().unwrap(), None);
    let code = |result: Result<(), ReplicaError>| result.unwrap_err().code();
    assert_eq!(
        code(replica.replace_index(Some(b"one"), b"two")),
        "replica-changed"
    );
    replica.replace_index(None, b"one").unwrap();
    assert_eq!(code(replica.replace_index(None, b"two")), "replica-changed");
    assert_eq!(
        code(replica.replace_index(Some(b"eno"), b"two")),
        "replica-changed"
    );
    assert_eq!(replica.index().unwrap().unwrap(), b"one");
    replica.replace_index(Some(b"one"), b"two").unwrap();
    assert_eq!(replica.index().unwrap().unwrap(), b"two");
    // Somebody else is faster, between our look and our writing.
    bucket.fault_times("PUT vault/index.json", Does::Answer(412, ""), 1);
    assert_eq!(
        code(replica.replace_index(Some(b"two"), b"three")),
        "replica-changed"
    );
    assert_eq!(replica.index().unwrap().unwrap(), b"two");
}

#[test]
fn an_index_without_end_is_not_read() {
    let bucket = Bucket::start();
    let replica = made(&bucket);
    bucket.fault("GET vault/index.json", Does::Endless);
    assert_eq!(replica.index().unwrap_err().code(), "replica-unavailable");
}
