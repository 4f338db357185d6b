//! The cases of `fixtures/verify` and `fixtures/attacks`: one walker runs them all.
//!
//! A case is a folder: `bundle.sigstore.json`, `artifact`, `key.pub` and `trusted_root.json`, and in
//! `expect.toml` what must become of them. A refused case names its accepted parent and the one
//! change, and holds only what was changed: everything else is the parent's.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use attest_digest::{Algorithm, Artifact, Digest};
use attest_verify::{
    Accept, Bundle, CODES, ExpectedClaim, ExpectedIdentity, ExpectedSigner, IdentityPattern,
    PublicKey, Subject, TrustedRoot, Verifier,
};
use toml::Table;

/// The inputs of a case; the trust that a case does not have of its own is its parent's.
const INPUTS: [&str; 4] = [
    "bundle.sigstore.json",
    "artifact",
    "key.pub",
    "trusted_root.json",
];

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/verify")
}

/// What must become of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expect {
    Accept,
    Reject { code: String, parent: String },
}

pub(crate) struct Case {
    folder: PathBuf,
    table: Table,
    pub(crate) expect: Expect,
}

impl Case {
    fn read(name: &str) -> Self {
        let folder = folder().join(name);
        let text = fs::read_to_string(folder.join("expect.toml"))
            .unwrap_or_else(|it| panic!("{name}/expect.toml: {it}"));
        let table: Table = text
            .parse()
            .unwrap_or_else(|it| panic!("{name}/expect.toml: {it}"));
        let known = [
            "accept", "digest", "reject", "parent", "change", "at", "waive", "identity", "issuer",
            "claims", "inputs",
        ];
        if let Some(unknown) = table.keys().find(|it| !known.contains(&it.as_str())) {
            panic!("{name}/expect.toml: unknown key {unknown}");
        }
        let text = |key: &str| table.get(key).map(|it| it.as_str().unwrap().to_owned());
        let expect = match (table.get("accept"), text("reject")) {
            (Some(accept), None) => {
                assert_eq!(
                    accept.as_bool(),
                    Some(true),
                    "{name}: accept = true, or reject"
                );
                assert!(
                    text("parent").is_none(),
                    "{name}: an accepted case has no parent"
                );
                Expect::Accept
            }
            (None, Some(code)) => {
                assert!(
                    text("change").is_some_and(|it| !it.is_empty()),
                    "{name}: say the one change"
                );
                Expect::Reject {
                    code,
                    parent: text("parent").unwrap_or_else(|| panic!("{name}: name the parent")),
                }
            }
            _ => panic!("{name}: either accept or reject"),
        };
        assert!(
            folder.join("SOURCE.md").exists(),
            "{name}: say in SOURCE.md where it comes from"
        );
        Self {
            folder,
            table,
            expect,
        }
    }

    fn parent(&self) -> Option<Self> {
        match &self.expect {
            Expect::Accept => None,
            Expect::Reject { parent, .. } => Some(Self::read(parent)),
        }
    }

    fn own_inputs(&self) -> Vec<&'static str> {
        INPUTS
            .into_iter()
            .filter(|it| self.folder.join(it).exists())
            .collect()
    }

    pub(crate) fn input(&self, name: &str) -> Option<Vec<u8>> {
        match fs::read(self.folder.join(name)) {
            Ok(bytes) => Some(bytes),
            Err(_) => self.parent()?.input(name),
        }
    }

    /// A setting, the parent's if the case has none of its own.
    fn setting(&self, key: &str) -> Option<toml::Value> {
        self.table
            .get(key)
            .cloned()
            .or_else(|| self.parent()?.setting(key))
    }

    pub(crate) fn text(&self, key: &str) -> Option<String> {
        self.setting(key).map(|it| it.as_str().unwrap().to_owned())
    }

    pub(crate) fn accept(&self) -> Accept {
        let waived = self
            .setting("waive")
            .map_or(Vec::new(), |it| it.as_array().unwrap().clone());
        let has = |what: &str| waived.iter().any(|it| it.as_str() == Some(what));
        Accept {
            no_log: has("no-log"),
            no_time: has("no-time"),
            set_only: has("set-only"),
        }
    }

    fn claims(&self) -> Vec<ExpectedClaim> {
        let claims = self
            .setting("claims")
            .unwrap_or_else(|| Vec::<String>::new().into());
        let claims = claims.as_array().unwrap().iter();
        claims
            .map(|it| ExpectedClaim::parse(it.as_str().unwrap()).unwrap())
            .collect()
    }

    pub(crate) fn signer(&self) -> ExpectedSigner {
        match (self.text("identity"), self.text("issuer")) {
            (Some(identity), Some(issuer)) => {
                let identity = IdentityPattern::parse(&identity).unwrap();
                let identity = ExpectedIdentity::new(identity, issuer);
                ExpectedSigner::Identity(identity.claiming(self.claims()))
            }
            _ => ExpectedSigner::Key(PublicKey::parse(&self.input("key.pub").unwrap()).unwrap()),
        }
    }

    /// The artifact, or its digest where nothing else is known.
    pub(crate) fn artifact(
        &self,
        bundle: &Bundle,
        signer: &ExpectedSigner,
    ) -> Result<Artifact, Digest> {
        match self.text("digest") {
            Some(digest) => {
                let hex = digest.strip_prefix("sha512:").unwrap();
                Err(Digest::from_hex(Algorithm::Sha512, hex).unwrap())
            }
            None => Ok(Artifact::of_bytes(
                &self.input("artifact").unwrap(),
                bundle.needed_hashes(signer),
            )),
        }
    }

    /// `accepted`, or the code of the refusal and what it says.
    fn run(&self) -> (String, String) {
        let refused = |code: &str, said: String| (code.to_owned(), said);
        let root = match TrustedRoot::parse(&self.input("trusted_root.json").unwrap()) {
            Ok(root) => root,
            Err(error) => return refused(error.code(), error.to_string()),
        };
        let now = self.text("at").unwrap().parse().unwrap();
        let verifier = Verifier::new(vec![root], now, self.accept()).unwrap();
        let bundle = match Bundle::parse(&self.input("bundle.sigstore.json").unwrap()) {
            Ok(bundle) => bundle,
            Err(error) => return refused(error.code(), error.to_string()),
        };
        let signer = self.signer();
        let artifact = self.artifact(&bundle, &signer);
        let subject = match &artifact {
            Ok(artifact) => Subject::Artifact(artifact),
            Err(digest) => Subject::Digest(*digest),
        };
        match verifier.verify(&bundle, &subject, &signer) {
            Ok(_) => refused("accepted", String::new()),
            Err(rejection) => refused(rejection.code(), rejection.to_string()),
        }
    }
}

pub(crate) fn cases() -> BTreeMap<String, Case> {
    let attacks = folders(&folder().join(ATTACKS)).into_iter();
    let attacks = attacks.flat_map(|id| {
        let of_id = folders(&folder().join(ATTACKS).join(&id));
        assert!(!of_id.is_empty(), "{id}: no case");
        of_id
            .into_iter()
            .map(move |name| format!("{ATTACKS}/{id}/{name}"))
    });
    let names = folders(&folder()).into_iter().chain(attacks);
    names
        .map(|name| (name.clone(), Case::read(&name)))
        .collect()
}

fn folders(place: &Path) -> Vec<String> {
    let entries = fs::read_dir(place).unwrap().map(|it| it.unwrap());
    entries
        .filter(|it| it.path().is_dir())
        .map(|it| it.file_name().into_string().unwrap())
        .collect()
}

/// Flaws that shipped, each under its own number, with as many cases as it has.
const ATTACKS: &str = "../attacks";

#[test]
fn every_case_becomes_what_it_expects() {
    let cases = cases();
    assert!(cases.len() >= LEAST_CASES, "only {} cases", cases.len());
    let mut wrong = Vec::new();
    for (name, case) in &cases {
        let wanted = match &case.expect {
            Expect::Accept => "accepted",
            Expect::Reject { code, .. } => code,
        };
        let (found, said) = case.run();
        if found != wanted {
            wrong.push(format!("{name}: {found}, wanted {wanted} ({said})"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// So that nothing is refused for another reason than the change.
#[test]
fn every_refused_case_differs_from_an_accepted_parent_in_one_thing() {
    for (name, case) in cases() {
        let Some(parent) = case.parent() else {
            continue;
        };
        assert_eq!(
            parent.expect,
            Expect::Accept,
            "{name}: its parent is no accepted case"
        );
        assert_eq!(parent.run().0, "accepted", "{name}: its parent is refused");
        let own = case.own_inputs();
        let settings = ["at", "waive", "identity", "issuer", "claims"]
            .iter()
            .filter(|it| case.table.contains_key(**it))
            .count();
        match case.table.get("inputs") {
            // One change that cannot be made in one file.
            Some(inputs) => assert_eq!(
                inputs.as_array().unwrap(),
                &own.iter()
                    .map(|it| (*it).into())
                    .collect::<Vec<toml::Value>>(),
                "{name}"
            ),
            None => assert_eq!(
                own.len() + settings,
                1,
                "{name}: changes {own:?} and {settings} settings"
            ),
        }
        for input in own {
            assert_ne!(
                case.input(input),
                parent.input(input),
                "{name}: {input} is the parent's"
            );
        }
    }
}

#[test]
fn every_code_has_a_case() {
    let cases = cases();
    let covered = |code: &str| {
        cases
            .values()
            .any(|it| matches!(&it.expect, Expect::Reject { code: found, .. } if found == code))
    };
    let detached = crate::detached::refused_codes();
    let covered = |code: &str| covered(code) || detached.iter().any(|it| it == code);
    let without: Vec<_> = CODES
        .iter()
        .map(|it| it.code)
        .filter(|it| !covered(it))
        .collect();
    assert_eq!(
        without,
        WITHOUT_CASE.map(|(code, _)| code),
        "codes without a case"
    );
}

/// A removed case must be missed.
const LEAST_CASES: usize = 151;

const WITHOUT_CASE: [(&str, &str); 8] = [
    ("dialect-ambiguous", FILES),
    ("dialect-mixed", FILES),
    ("dialect-unknown", FILES),
    ("dialect-unsupported", FILES),
    ("evidence-malformed", FILES),
    ("package-mismatch", FILES),
    (
        "statement-missing",
        "a statement is asked for, which this walker never does",
    ),
    (
        "statement-too-large",
        "a bundle is smaller than the largest statement",
    ),
];

const FILES: &str = "of files that hold evidence, not of one bundle";
