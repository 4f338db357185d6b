use serde_json::json;

use super::*;

const KEY: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEfVJTGroYO4Pz+8aLZGX47RMDILx8
Eq+CYGtMAQNwd4WmaHwdhRjyrNqJGWy8DqN8O9p+Hi8ocoOyeb8hQMphZQ==
-----END PUBLIC KEY-----
";

fn logged(value: &Value) -> LoggedEntry {
    LoggedEntry::parse(value.to_string().as_bytes()).unwrap()
}

fn encoded() -> String {
    base64::encode(KEY.as_bytes())
}

#[test]
fn a_key_is_found_wherever_an_entry_has_it() {
    let own = base64::encode(b"-----BEGIN PUBLIC KEY-----\nnot a key\n-----END PUBLIC KEY-----\n");
    let places = [
        json!({"spec": {"signature": {"publicKey": {"content": encoded()}}}}),
        json!({"spec": {"signatures": [{"verifier": own}, {"verifier": encoded()}]}}),
        json!({"spec": {"content": {"envelope": {"signatures": [{"publicKey": encoded()}]}}}}),
        json!({"spec": {"plain": KEY, "deep": [[[{"x": 1}]]]}}),
        json!({"spec": {"two": base64::encode(format!("{KEY}\n{KEY}").as_bytes())}}),
    ];
    for mut value in places {
        value["kind"] = "dsse".into();
        value["apiVersion"] = "0.0.1".into();
        let mut names = Vec::new();
        logged(&value).names(&mut |it| names.push(it));
        assert!(!names.is_empty(), "{value}");
        for name in names {
            let LoggedName::Key(key) = name else {
                panic!("{value}: {name:?}")
            };
            assert_eq!(key.to_pem(), KEY);
        }
    }
}

#[test]
fn a_record_says_its_digest_and_its_signature() {
    let entry = logged(
        &json!({"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": {
            "data": {"hash": {"algorithm": "sha256", "value": "07".repeat(32)}},
            "signature": {"content": "AAEC", "publicKey": {"content": encoded()}},
        }}),
    );
    assert_eq!(entry.digest, Some(Digest::Sha256([7; 32])));
    assert_eq!(entry.signature.as_deref(), Some([0, 1, 2].as_slice()));
}

#[test]
fn what_is_no_entry_is_none() {
    for body in [
        "",
        "[]",
        "{}",
        r#"{"kind":"x"}"#,
        r#"{"kind":1,"apiVersion":"1"}"#,
    ] {
        assert_eq!(LoggedEntry::parse(body.as_bytes()), None, "{body}");
    }
    let deep = format!(
        r#"{{"kind":"x","apiVersion":"1","s":{}1{}}}"#,
        "[".repeat(99),
        "]".repeat(99)
    );
    assert_eq!(LoggedEntry::parse(deep.as_bytes()), None);
}
