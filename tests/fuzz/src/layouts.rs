//! Layouts, links and their rules.

use std::collections::BTreeMap;

use attest_provenance::in_toto::{
    ArtifactKind, Form, KeyFlavour, KeyId, Layout, Link, Metablock, Parameters, Rule, StepName,
};
use attest_provenance::json::{Value, olpc};
use attest_verify::layout::{Files, LayoutKey, SignedLayout, apply};
use serde_json::json;

use crate::Outcome;

/// A file that is read covers the same bytes when it is written and read again.
fn block(data: &[u8]) -> Option<Metablock> {
    let block = Metablock::parse(data).ok()?;
    if block.form() == Form::Dsse && block.signatures().iter().any(|it| it.keyid.is_none()) {
        return Some(block);
    }
    let again = Metablock::parse(&block.to_bytes()).expect("what we write we read");
    assert_eq!(again.bytes_to_sign(), block.bytes_to_sign());
    assert_eq!(again.signatures().len(), block.signatures().len());
    Some(block)
}

/// A layout keeps its names in their folder, asks for somebody, and is nobody's.
pub fn layout(data: &[u8]) -> Outcome {
    let Some(block) = block(data) else {
        return Outcome::Refused;
    };
    let Ok(layout) = Layout::from_json(block.unverified_signed().clone()) else {
        return Outcome::Refused;
    };
    assert!(!layout.steps.is_empty());
    for step in &layout.steps {
        assert!(step.threshold > 0);
        assert!(!step.keys.is_empty() || !step.certificates.is_empty());
        assert!(!step.name.as_str().contains('/') && !step.name.as_str().starts_with(".."));
    }
    let stranger = LayoutKey::parse(STRANGER).expect("a key");
    let now = "2020-01-01T00:00:00Z".parse().expect("a time");
    let signed = SignedLayout::verify(&block, &[stranger], &Parameters::new(), now);
    assert!(signed.is_err(), "nobody has that key");
    if layout.root_authorities.is_empty() && layout.intermediate_authorities.is_empty() {
        let _ = Layout::from_json(layout.to_json(KeyFlavour::Reference));
    }
    let _ = layout.with_parameters(&Parameters::new());
    Outcome::Read
}

/// A link survives writing; its paths have one spelling and its files a digest.
pub fn link(data: &[u8]) -> Outcome {
    let Some(block) = block(data) else {
        return Outcome::Refused;
    };
    let Ok(link) = Link::from_json(block.into_unverified_signed()) else {
        return Outcome::Refused;
    };
    for (path, digests) in link.materials.iter().chain(link.products.iter()) {
        let parts = path.as_str().split('/');
        assert!(parts.clone().all(|it| !matches!(it, "" | "." | "..")));
        assert!(!path.as_str().contains('\\') && digests.iter().next().is_some());
    }
    let again = Link::from_json(link.to_json()).expect("what we write we read");
    assert_eq!(again, link);
    assert_eq!(link.canonical().ok(), olpc(&again.to_json()).ok());
    let mut block = Metablock::unsigned(Form::Dsse, link.to_json()).expect("it was read before");
    block.add_signature(&KeyId::parse("00000000").expect("an id"), vec![1]);
    Metablock::parse(&block.to_bytes()).expect("what we write we read");
    Outcome::Read
}

/// Lines of rules, an empty line, and lines of `m` or `p`, a digit and a path. What rules leave is some of
/// what there was, and exactly that is what a last `DISALLOW *` finds.
pub fn rules(data: &[u8]) -> Outcome {
    let Ok(text) = std::str::from_utf8(data) else {
        return Outcome::Refused;
    };
    let (rules, files) = text.split_once("\n\n").unwrap_or((text, ""));
    let words = |line: &str| -> Vec<String> { line.split(' ').map(str::to_owned).collect() };
    let rules = rules.lines().take(32).map(|it| Rule::parse(&words(it)));
    let Ok(mut rules) = rules.collect::<Result<Vec<_>, _>>() else {
        return Outcome::Refused;
    };
    for rule in &rules {
        assert_eq!(
            Rule::parse(&words(&rule.to_string())).as_ref().ok(),
            Some(rule)
        );
    }
    let Some(item) = item(files) else {
        return Outcome::Refused;
    };
    let name = StepName::parse("item").expect("a name");
    let items = BTreeMap::from([(name, item.clone())]);
    for kind in [ArtifactKind::Materials, ArtifactKind::Products] {
        let Ok(left) = apply(&rules, kind, &item, &items) else {
            continue;
        };
        let there = match kind {
            ArtifactKind::Materials => &item.materials,
            ArtifactKind::Products => &item.products,
        };
        assert!(left.iter().all(|path| there.contains(path)));
        rules.push(Rule::parse(&words("DISALLOW *")).expect("a rule"));
        let found = apply(&rules, kind, &item, &items).map_err(|it| it.paths);
        assert_eq!(found.err().unwrap_or_default(), left);
        rules.pop();
    }
    Outcome::Read
}

fn item(text: &str) -> Option<Files> {
    let (mut materials, mut products) = (json!({}), json!({}));
    for line in text.lines().take(64) {
        let (kind, rest) = line.split_once(' ')?;
        let (digit, path) = rest.split_once(' ')?;
        let digit = u8::from_str_radix(digit, 16).ok()? & 0xf;
        let digests: Value = json!({ "sha256": format!("{digit:x}").repeat(64) });
        match kind {
            "m" => materials[path] = digests,
            _ => products[path] = digests,
        }
    }
    let link = json!({
        "_type": "link", "name": "item", "command": [], "byproducts": {}, "environment": {},
        "materials": materials, "products": products,
    });
    Link::from_json(link).ok().map(Files::from)
}

/// The base point of Edwards25519: nobody signs with it.
const STRANGER: &[u8] = b"{\"keytype\":\"ed25519\",\"scheme\":\"ed25519\",\"keyval\":{\"public\":\"5866666666666666666666666666666666666666666666666666666666666666\"}}";
