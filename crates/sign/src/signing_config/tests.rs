use serde_json::{Value, json};

use super::*;

fn service(url: &str, version: u32, operator: &str, start: &str) -> Value {
    json!({"url": url, "majorApiVersion": version, "operator": operator, "validFor": {"start": start}})
}

fn config() -> Value {
    json!({
        "mediaType": MEDIA_TYPE,
        "caUrls": [service("https://ca", 1, "a", "2026-01-01T00:00:00Z")],
        "oidcUrls": [service("https://oidc", 1, "a", "2026-01-01T00:00:00Z")],
        "rekorTlogUrls": [
            service("https://log1", 1, "a", "2026-01-01T00:00:00Z"),
            service("https://log2", 2, "a", "2025-01-01T00:00:00Z"),
            service("https://log9", 9, "a", "2026-06-01T00:00:00Z"),
            service("https://other", 1, "b", "2026-01-01T00:00:00Z"),
        ],
        "tsaUrls": [
            service("https://old", 1, "a", "2026-01-01T00:00:00Z"),
            service("https://new", 1, "a", "2026-02-01T00:00:00Z"),
            service("https://tomorrow", 1, "b", "2026-12-01T00:00:00Z"),
        ],
        "rekorTlogConfig": {"selector": "ANY"},
        "tsaConfig": {"selector": "ANY"},
    })
}

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn parsed(value: &Value) -> Result<SigningConfig, SigningConfigError> {
    SigningConfig::parse(&serde_json::to_vec(value).unwrap())
}

fn logs(value: &Value) -> Result<Vec<String>, SelectionError> {
    let config = parsed(value).unwrap();
    let logs = config.logs(now())?;
    Ok(logs.iter().map(|it| it.url().to_owned()).collect())
}

#[test]
fn any_takes_the_highest_version_that_we_speak() {
    assert_eq!(logs(&config()).unwrap(), ["https://log2"]);
    let config = parsed(&config()).unwrap();
    assert_eq!(
        config.certificate_authority(now()).unwrap().url(),
        "https://ca"
    );
    assert_eq!(
        config.identity_provider(now()).unwrap().url(),
        "https://oidc"
    );
}

#[test]
fn all_and_exact_take_one_service_of_each_operator() {
    let mut config = config();
    config["rekorTlogConfig"] = json!({"selector": "ALL"});
    assert_eq!(logs(&config).unwrap(), ["https://log2", "https://other"]);
    config["rekorTlogConfig"] = json!({"selector": "EXACT", "count": 2});
    assert_eq!(logs(&config).unwrap(), ["https://log2", "https://other"]);
    config["rekorTlogConfig"] = json!({"selector": "EXACT", "count": 1});
    assert_eq!(logs(&config).unwrap(), ["https://log2"]);
    config["rekorTlogConfig"] = json!({"selector": "EXACT", "count": 3});
    assert_eq!(
        logs(&config).unwrap_err(),
        SelectionError::TooFew {
            kind: ServiceKind::Log,
            found: 2,
            wanted: 3
        }
    );
}

#[test]
fn only_what_is_in_force_counts_and_the_newest_of_it_first() {
    let config = parsed(&config()).unwrap();
    let urls = |now: &str| -> Vec<String> {
        let found = config.timestamp_authorities(now.parse().unwrap()).unwrap();
        found.iter().map(|it| it.url().to_owned()).collect()
    };
    assert_eq!(urls("2026-11-21T12:00:00Z"), ["https://new"]);
    assert_eq!(urls("2026-01-21T12:00:00Z"), ["https://old"]);
    assert_eq!(urls("2026-12-21T12:00:00Z"), ["https://tomorrow"]);
    let early = "2025-12-31T23:59:59Z".parse().unwrap();
    let refused = config.timestamp_authorities(early).unwrap_err();
    assert_eq!(refused.code(), "signing-config-unsatisfiable");
}

#[test]
fn a_service_past_its_end_is_not_asked() {
    let mut config = config();
    config["caUrls"][0]["validFor"]["end"] = json!("2026-11-21T11:59:59Z");
    let refused = parsed(&config)
        .unwrap()
        .certificate_authority(now())
        .unwrap_err();
    assert_eq!(
        refused,
        SelectionError::None {
            kind: ServiceKind::CertificateAuthority,
            listed: 1
        }
    );
}

#[test]
fn a_config_without_logs_signs_nothing_and_one_without_authorities_asks_for_no_time() {
    let mut config = config();
    for field in ["rekorTlogUrls", "tsaUrls", "tsaConfig"] {
        config.as_object_mut().unwrap().remove(field);
    }
    assert_eq!(
        logs(&config).unwrap_err().code(),
        "signing-config-unsatisfiable"
    );
    let config = parsed(&config).unwrap();
    assert_eq!(
        config.timestamp_authorities(now()).unwrap(),
        Vec::<&Service>::new()
    );
}

#[test]
fn what_is_no_signing_config_is_refused() {
    type Change = fn(&mut Value);
    let changes: [Change; 14] = [
        |it| it["mediaType"] = json!("application/vnd.dev.sigstore.signingconfig.v0.1+json"),
        |it| it["mediaType"] = json!(2),
        |it| it["surprise"] = json!(true),
        |it| it["caUrls"] = json!({}),
        |it| it["caUrls"][0]["url"] = json!(""),
        |it| it["caUrls"][0]["url"] = json!("https://".to_owned() + &"x".repeat(5000)),
        |it| it["caUrls"][0]["majorApiVersion"] = json!("1"),
        |it| drop(it["caUrls"][0].as_object_mut().unwrap().remove("validFor")),
        |it| it["caUrls"][0]["validFor"]["start"] = json!("yesterday"),
        |it| it["caUrls"][0]["validFor"]["end"] = json!("2025-01-01T00:00:00Z"),
        |it| it["tsaConfig"] = json!({"selector": "SERVICE_SELECTOR_UNDEFINED"}),
        |it| it["tsaConfig"] = json!({"selector": "EXACT"}),
        |it| it["tsaConfig"] = json!({"selector": "ANY", "count": 2}),
        |it| it["tsaConfig"] = json!({"selector": "EXACT", "count": 1_000_000}),
    ];
    assert!(parsed(&config()).is_ok());
    for (place, change) in changes.iter().enumerate() {
        let mut value = config();
        change(&mut value);
        let refused = parsed(&value).unwrap_err();
        assert_eq!(refused.code(), "signing-config-malformed", "{place}");
    }
}
