//! Signers written down: the `[trust.*]` tables of a signers file, which policies use too.
//!
//! ```toml
//! version     = 1
//! independent = ["https://tsa.example/api"]
//!
//! [trust.ci]
//! kind     = "sigstore"
//! issuer   = "https://token.actions.githubusercontent.com"
//! identity = "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v*"
//! claims   = { source-repository = "https://github.com/acme/app" }
//!
//! [trust.releng]
//! kind      = "keys"
//! threshold = 2
//! keys      = [
//!   "keys/alice.pub",
//!   "sha256:6ba0…",
//!   { file = "keys/bob.pub", not_after = 2027-03-31T00:00:00Z, compromised_since = 2026-05-11T00:00:00Z },
//! ]
//!
//! [trust.lone]
//! kind     = "keys"
//! keys     = ["keys/carol.pub"]
//! recovery = "sha256:31f0…"
//!
//! [deny]
//! keys = ["sha256:84f7…"]
//! ```

use attest_verify::{ExpectedClaim, ExpectedIdentity, IdentityPattern};
use jiff::Timestamp;

use super::{KeyValidity, LogRule};
use crate::language::vocabulary;
use crate::toml::{Document, Field, FileError, Item, Table};

/// A signers file, read: nothing that it names was looked for yet.
#[derive(Debug, Clone)]
pub struct SignersFile {
    /// The groups, any of which suffices.
    pub groups: Vec<FileGroup>,
    /// Logs and timestamp authorities that are declared independent of the signers.
    pub independent: Vec<String>,
    /// Keys whose evidence is refused.
    pub denied_keys: Vec<KeySource>,
    /// Identities whose evidence is refused.
    pub denied_identities: Vec<IdentityPattern>,
}

/// A named group of signers.
#[derive(Debug, Clone)]
pub struct FileGroup {
    /// Its name.
    pub name: String,
    /// Who belongs to it.
    pub signers: FileSigners,
    /// How many different ones of it must approve.
    pub threshold: usize,
    /// What it asks of the log, if it says so.
    pub log: Option<LogRule>,
    /// The key that may say which keys go and which take their places: then the group has one holder.
    pub recovery: Option<FileRecovery>,
}

/// A recovery key as it is pinned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRecovery {
    /// Where it is found.
    pub source: KeySource,
    /// The SHA-256 of its `SubjectPublicKeyInfo`, if it is said.
    pub pin: Option<[u8; 32]>,
}

/// Who belongs to a group.
#[derive(Debug, Clone)]
pub enum FileSigners {
    /// Identities in certificates.
    Sigstore(Vec<ExpectedIdentity>),
    /// Holders of keys.
    Keys(Vec<FileKey>),
}

/// A key of a group.
#[derive(Debug, Clone)]
pub struct FileKey {
    /// Where it is found.
    pub source: KeySource,
    /// When it is good.
    pub validity: KeyValidity,
    /// The SHA-256 of its `SubjectPublicKeyInfo`, or of the file of a key of another kind, if it is
    /// said: what the file holds must have it.
    pub pin: Option<[u8; 32]>,
}

/// How a key is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// By the SHA-256 of its `SubjectPublicKeyInfo`.
    Pin([u8; 32]),
    /// By a file, relative to the signers file.
    File(String),
}

impl SignersFile {
    /// Reads a signers file.
    ///
    /// # Errors
    /// Where it is not TOML, has an unknown key, lacks one, or says what nobody can mean: with line and
    /// column.
    pub fn parse(text: &str) -> Result<Self, FileError> {
        let document = Document::parse(text)?;
        let root = document.root();
        root.only(&["version", "independent", "trust", "deny"])?;
        let version = root.needs("version")?;
        if version.number()? != 1 {
            return Err(version.fault("version is not 1"));
        }
        let trust = root.needs("trust")?.table()?;
        let groups: Vec<FileGroup> = trust
            .fields()
            .map(|(name, item)| group(name, &item.table()?))
            .collect::<Result<_, _>>()?;
        if groups.is_empty() {
            return Err(trust.fault("nobody is trusted"));
        }
        let independent = root.has("independent").map(|it| it.texts()).transpose()?;
        let deny = root.has("deny").map(|it| it.table()).transpose()?;
        let (denied_keys, denied_identities) = match deny {
            Some(deny) => denied(&deny)?,
            None => (Vec::new(), Vec::new()),
        };
        Ok(Self {
            groups,
            independent: independent
                .unwrap_or_default()
                .iter()
                .map(|it| it.text.to_owned())
                .collect(),
            denied_keys,
            denied_identities,
        })
    }
}

pub(crate) fn denied(
    deny: &Table<'_>,
) -> Result<(Vec<KeySource>, Vec<IdentityPattern>), FileError> {
    deny.only(vocabulary::POLICY_DENY)?;
    let texts = |name| deny.has(name).map_or(Ok(Vec::new()), Item::texts_of);
    let keys = texts("keys")?
        .iter()
        .map(key_source)
        .collect::<Result<_, _>>()?;
    let identities = texts("identities")?
        .iter()
        .map(pattern)
        .collect::<Result<_, _>>()?;
    Ok((keys, identities))
}

pub(crate) fn group(name: &str, table: &Table<'_>) -> Result<FileGroup, FileError> {
    let kind = table.needs("kind")?;
    let (signers, count) = match kind.text()?.text {
        "sigstore" => {
            table.only(vocabulary::TRUST_SIGSTORE)?;
            let identities = identities(table)?;
            let count = identities.len();
            (FileSigners::Sigstore(identities), count)
        }
        "keys" => {
            table.only(vocabulary::TRUST_KEYS)?;
            let keys = table.needs("keys")?;
            let keys: Vec<FileKey> = keys.items()?.iter().map(key).collect::<Result<_, _>>()?;
            let count = keys.len();
            (FileSigners::Keys(keys), count)
        }
        other => return Err(kind.unknown("kind", other, &["sigstore", "keys"])),
    };
    if count == 0 {
        return Err(table.fault("the group has no signers"));
    }
    let threshold = match table.has("threshold") {
        None => 1,
        Some(item) => match usize::try_from(item.number()?) {
            Ok(threshold) if (1..=count).contains(&threshold) => threshold,
            _ => return Err(item.fault(format!("threshold is not between 1 and {count}"))),
        },
    };
    let log = table.has("log").map(|it| log_rule(&it)).transpose()?;
    let recovery = table.has("recovery").map(|it| recovery(&it)).transpose()?;
    if let (Some(item), 2..) = (table.has("recovery"), threshold) {
        return Err(item.fault(
            "a group with a recovery key has one holder, whose keys count once: its threshold is 1",
        ));
    }
    Ok(FileGroup {
        name: name.to_owned(),
        signers,
        threshold,
        log,
        recovery,
    })
}

fn recovery(item: &Item<'_>) -> Result<FileRecovery, FileError> {
    let key = key(item)?;
    if key.validity != KeyValidity::default() {
        return Err(item.fault("a recovery key has sha256, file or both"));
    }
    Ok(FileRecovery {
        source: key.source,
        pin: key.pin,
    })
}

fn log_rule(item: &Item<'_>) -> Result<LogRule, FileError> {
    match item.text()?.text {
        "required" => Ok(LogRule::Required),
        "set-only" => Ok(LogRule::SetOnly),
        other => Err(item.unknown("log", other, &["required", "set-only"])),
    }
}

fn identities(table: &Table<'_>) -> Result<Vec<ExpectedIdentity>, FileError> {
    let issuer = table.needs("issuer")?.text()?;
    if pattern(&issuer)?.is_glob() {
        return Err(issuer.fault("issuers are exact"));
    }
    let claims = match table.has("claims") {
        Some(claims) => claims
            .table()?
            .fields()
            .map(|(name, item)| {
                let value = item.text()?;
                ExpectedClaim::new(name, value.text).map_err(|error| {
                    let fault = value.fault(error.to_string());
                    fault.or_nearest(name, attest_verify::claim_names())
                })
            })
            .collect::<Result<Vec<_>, _>>()?,
        None => Vec::new(),
    };
    let identities = table.needs("identity")?.texts_of()?;
    let expected = |text: &Field<'_>| {
        let identity = ExpectedIdentity::new(pattern(text)?, issuer.text);
        Ok(identity.claiming(claims.clone()))
    };
    identities.iter().map(expected).collect()
}

fn pattern(text: &Field<'_>) -> Result<IdentityPattern, FileError> {
    IdentityPattern::parse(text.text).map_err(|error| text.fault(error.to_string()))
}

fn key(item: &Item<'_>) -> Result<FileKey, FileError> {
    if let Ok(text) = item.text() {
        let source = key_source(&text)?;
        return Ok(FileKey {
            pin: source.pin(),
            source,
            validity: KeyValidity::default(),
        });
    }
    let table = item.table()?;
    table.only(vocabulary::TRUST_KEY)?;
    let pin = match table.has("sha256") {
        Some(pin) => {
            let text = pin.text()?;
            let hex = text.text.strip_prefix("sha256:").unwrap_or(text.text);
            Some(parse_pin(hex).ok_or_else(|| text.fault(PIN))?)
        }
        None => None,
    };
    let source = match (pin, table.has("file")) {
        (_, Some(file)) => KeySource::File(file.text()?.clean()?.to_owned()),
        (Some(pin), None) => KeySource::Pin(pin),
        (None, None) => return Err(table.fault("a key has sha256, file or both")),
    };
    let time = |name| table.has(name).map(|it| it.time()).transpose();
    let validity = KeyValidity {
        not_before: time("not_before")?,
        not_after: time("not_after")?,
        compromised_since: time("compromised_since")?,
    };
    let empty = |from: Option<Timestamp>, to: Option<Timestamp>| from > to && to.is_some();
    if empty(validity.not_before, validity.not_after) {
        return Err(table.fault("not_after is before not_before"));
    }
    Ok(FileKey {
        source,
        validity,
        pin,
    })
}

impl KeySource {
    const fn pin(&self) -> Option<[u8; 32]> {
        match self {
            Self::Pin(pin) => Some(*pin),
            Self::File(_) => None,
        }
    }
}

fn key_source(text: &Field<'_>) -> Result<KeySource, FileError> {
    match text.text.strip_prefix("sha256:") {
        Some(hex) => Ok(KeySource::Pin(
            parse_pin(hex).ok_or_else(|| text.fault(PIN))?,
        )),
        None if text.text.is_empty() => Err(text.fault("a key's file has a name")),
        None => Ok(KeySource::File(text.text.to_owned())),
    }
}

fn parse_pin(hex: &str) -> Option<[u8; 32]> {
    match attest_digest::Digest::parse(&format!("sha256:{hex}")) {
        Ok(attest_digest::Digest::Sha256(bytes)) => Some(bytes),
        _ => None,
    }
}

const PIN: &str = "a pin is sha256: and 64 lower-case hexadecimal digits";

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"version = 1
independent = ["time.example"]

[trust.ci]
kind = "sigstore"
issuer = "https://issuer.example"
identity = ["a@example.com", "*@example.org"]
claims = { source-repository = "https://github.com/acme/app" }
log = "set-only"

[trust.releng]
kind = "keys"
threshold = 2
keys = [
  "keys/alice.pub",
  "sha256:0000000000000000000000000000000000000000000000000000000000000001",
  { sha256 = "0000000000000000000000000000000000000000000000000000000000000002", not_before = 2026-01-01T00:00:00Z, not_after = 2027-01-01T00:00:00+01:00, compromised_since = 2026-05-11T00:00:00Z },
]

[deny]
keys = ["sha256:0000000000000000000000000000000000000000000000000000000000000003"]
identities = ["b@example.com"]
"#;

    #[test]
    fn every_field_is_read() {
        let file = SignersFile::parse(GOOD).unwrap();
        assert_eq!(file.independent, ["time.example"]);
        let [ci, releng] = file.groups.as_slice() else {
            panic!("{file:?}");
        };
        assert_eq!(
            (ci.name.as_str(), ci.threshold, ci.log),
            ("ci", 1, Some(LogRule::SetOnly))
        );
        let FileSigners::Sigstore(identities) = &ci.signers else {
            panic!("{ci:?}");
        };
        assert_eq!(
            identities[1].to_string(),
            "*@example.org by https://issuer.example, source-repository=https://github.com/acme/app"
        );
        assert_eq!((releng.threshold, releng.log), (2, None));
        let FileSigners::Keys(keys) = &releng.signers else {
            panic!("{releng:?}");
        };
        assert_eq!(keys[0].source, KeySource::File("keys/alice.pub".into()));
        let time = |text: &str| Some(text.parse().unwrap());
        assert_eq!(
            keys[2].validity,
            KeyValidity {
                not_before: time("2026-01-01T00:00:00Z"),
                not_after: time("2026-12-31T23:00:00Z"),
                compromised_since: time("2026-05-11T00:00:00Z"),
            }
        );
        assert_eq!(file.denied_keys.len(), 1);
        assert_eq!(file.denied_identities.len(), 1);
    }

    #[test]
    fn a_window_of_one_moment_is_one_and_a_nameless_file_is_none() {
        let keys = |key: &str| {
            let text = format!("version = 1\n[trust.a]\nkind = \"keys\"\nkeys = [{key}]\n");
            SignersFile::parse(&text).map_err(|it| it.to_string())
        };
        let window =
            |from, to| format!("{{ file = \"a.pub\", not_before = {from}, not_after = {to} }}");
        let (early, late) = ("2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z");
        assert!(keys(&window(early, early)).is_ok());
        assert!(keys(&window(early, late)).is_ok());
        let turned = keys(&window(late, early)).unwrap_err();
        assert!(
            turned.contains("not_after is before not_before"),
            "{turned}"
        );
        let nameless = keys("\"\"").unwrap_err();
        assert!(nameless.contains("a key's file has a name"), "{nameless}");
    }

    /// What is changed, into what, and where and how it is refused.
    const BAD: &[(&str, &str, &str)] = &[
        (
            "version = 1",
            "version = 2",
            "line 1, column 11: version is not 1",
        ),
        ("version = 1\n", "", "line 1, column 1: version is missing"),
        (
            "version = 1",
            "version = 1\nversion = 1",
            "line 2, column 1: duplicate key",
        ),
        (
            "issuer =",
            "isuer =",
            "line 6, column 1: isuer is unknown here; did you mean issuer?",
        ),
        (
            "\nkind = \"keys\"",
            "\nkind = \"key\"",
            "line 12, column 8: kind \"key\" is unknown; did you mean keys?",
        ),
        (
            "kind = \"sigstore\"\n",
            "",
            "line 4, column 1: kind is missing",
        ),
        (
            "threshold = 2",
            "threshold = 0",
            "line 13, column 13: threshold is not between 1 and 3",
        ),
        (
            "threshold = 2",
            "threshold = 4",
            "line 13, column 13: threshold is not between 1 and 3",
        ),
        (
            "threshold = 2",
            "threshold = \"2\"",
            "line 13, column 13: wanted a whole number",
        ),
        (
            "\"set-only\"",
            "\"optional\"",
            "line 9, column 7: log \"optional\" is unknown",
        ),
        (
            "source-repository",
            "source-repo",
            "line 8, column 26: no claim is called \"source-repo\"",
        ),
        (
            "*@example.org",
            "*@*",
            "line 7, column 30: `*` may not stand in the domain",
        ),
        (
            "https://issuer.example",
            "https://issuer.example/*",
            "line 6, column 10: ",
        ),
        (
            "compromised_since",
            "compromised",
            "compromised is unknown here",
        ),
        (
            "not_before = 2026-01-01T00:00:00Z",
            "not_before = 2026-01-01",
            "wanted a time with its offset",
        ),
        (
            "not_before = 2026-01-01T00:00:00Z",
            "not_before = 2028-01-01T00:00:00Z",
            "not_after is before not_before",
        ),
        (
            "{ sha256 = \"0000000000000000000000000000000000000000000000000000000000000002\", ",
            "{ ",
            "a key has sha256, file or both",
        ),
        (
            "0000000000000000000000000000000000000000000000000000000000000001",
            "01",
            "a pin is sha256:",
        ),
        (
            "[deny]\nkeys",
            "[deny]\nkey",
            "key is unknown here; did you mean keys?",
        ),
        (
            "[trust.ci]",
            "[trusted.ci]",
            "trusted is unknown here; did you mean trust?",
        ),
    ];

    #[test]
    fn what_is_not_understood_is_refused_where_it_stands() {
        for (from, to, wanted) in BAD {
            assert_eq!(GOOD.matches(from).count(), 1, "{from}");
            let error = SignersFile::parse(&GOOD.replace(from, to)).unwrap_err();
            let error = error.to_string();
            assert!(error.contains(wanted), "{from} -> {to}: {error}");
        }
        for text in [
            "",
            "version = 1",
            "version = 1\n[trust]",
            "version = 1\ntrust = 3",
            "[[",
        ] {
            assert!(SignersFile::parse(text).is_err(), "{text}");
        }
        let many = format!("version = 1\nindependent = [{}]", "\"x\",".repeat(1 << 20));
        assert!(SignersFile::parse(&many).is_err());
    }
}
