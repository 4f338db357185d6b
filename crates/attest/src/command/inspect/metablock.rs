//! What layouts and links of in-toto claim.

use attest_provenance::in_toto::{Form, InTotoError, Layout, Link, Metablock};
use attest_provenance::json::Value;

use super::describe::Description;

/// Describes a layout or a link, in either of its forms; `None` if it is neither.
pub(super) fn describe(bytes: &[u8], value: &Value) -> Option<Description> {
    let classic = value
        .pointer("/signed/_type")
        .and_then(Value::as_str)
        .is_some_and(|it| matches!(it, "layout" | "link"));
    let has_payload = value.get("payload").is_some() && value.get("payloadType").is_some();
    if !classic && !has_payload {
        return None;
    }
    let block = match Metablock::parse(bytes) {
        Ok(block) => block,
        Err(error) if classic => return Some(problem("in-toto layout or link", &error)),
        Err(_) => return None,
    };
    let what = match block.unverified_type() {
        "layout" => "in-toto layout",
        "link" => "in-toto link",
        _ => return None,
    };
    let form = match block.form() {
        Form::Classic => "metablock",
        Form::Dsse => "DSSE envelope",
    };
    let mut claims = vec![("signatures", block.signatures().len().to_string())];
    let ids = block.signatures().iter();
    let ids = ids.filter_map(|it| it.keyid.clone()).take(SHOWN);
    claims.extend(ids.map(|id| ("key id", id)));
    let signed = block.into_unverified_signed();
    let more = if what == "in-toto link" {
        Link::from_json(signed).map(|it| of_link(&it))
    } else {
        Layout::from_json(signed).map(|it| of_layout(&it))
    };
    match more {
        Ok(more) => claims.extend(more),
        Err(error) => return Some(problem(what, &error)),
    }
    Some(Description {
        kind: format!("{what} ({form})"),
        problem: None,
        claims,
    })
}

fn of_layout(layout: &Layout) -> Vec<(&'static str, String)> {
    let mut claims = vec![("expires", layout.expires.as_str().to_owned())];
    for step in layout.steps.iter().take(SHOWN) {
        let keys = step.keys.len();
        let words = format!("{}, by {} of {keys} keys", step.name, step.threshold);
        claims.push(("step", words));
    }
    let inspections = layout.inspections.iter().take(SHOWN);
    claims
        .extend(inspections.map(|it| ("inspection", format!("{}: {}", it.name, it.run.join(" ")))));
    claims
}

fn of_link(link: &Link) -> Vec<(&'static str, String)> {
    vec![
        ("step", link.name.as_str().to_owned()),
        ("command", link.command.join(" ")),
        ("materials", link.materials.len().to_string()),
        ("products", link.products.len().to_string()),
    ]
}

fn problem(kind: &str, error: &InTotoError) -> Description {
    Description {
        kind: kind.to_owned(),
        problem: Some((error.code(), error.to_string())),
        claims: Vec::new(),
    }
}

/// Lines of one kind.
const SHOWN: usize = 10;
