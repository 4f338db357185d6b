//! `CycloneDX` 1.3 to 1.6.

use std::collections::BTreeSet;

use attest_provenance::json::Value;

use super::{Claim, Item, Reading, ReadingError, hash, list, said};
use crate::limits;

pub(super) fn read(document: &Value) -> Result<Reading, ReadingError> {
    let version = said(document, "specVersion").unwrap_or("of no version");
    if !matches!(version, "1.3" | "1.4" | "1.5" | "1.6") {
        return Err(ReadingError::Version {
            found: format!("CycloneDX {version}"),
        });
    }
    let related = related(document)?;
    let mut items = Vec::new();
    for component in list(document, "components", "")? {
        take(component, &related, &mut items)?;
    }
    let metadata = document.get("metadata").unwrap_or(&Value::Null);
    let about = metadata.get("component");
    let root = about.map(|it| item(it, &related)).transpose()?;
    if let Some(about) = about {
        // What is inside the root is in the bill like everything else.
        for inner in list(about, "components", "metadata.component.")? {
            take(inner, &related, &mut items)?;
        }
    }
    Ok(Reading {
        format: format!("CycloneDX {version}"),
        root,
        items,
        says: says(metadata),
    })
}

/// References whose dependencies are said, be they none.
fn related(document: &Value) -> Result<BTreeSet<&str>, ReadingError> {
    let mut related = BTreeSet::new();
    for dependency in list(document, "dependencies", "")? {
        let from = said(dependency, "ref");
        related.extend(from);
        let to = list(dependency, "dependsOn", "dependencies.")?;
        related.extend(to.iter().filter_map(Value::as_str));
    }
    Ok(related)
}

fn says(metadata: &Value) -> BTreeSet<&'static str> {
    let is_named = |key: &str| {
        metadata
            .get(key)
            .is_some_and(|it| said(it, "name").is_some())
    };
    let authors = metadata.get("authors").and_then(Value::as_array);
    let has_author = authors
        .into_iter()
        .flatten()
        .any(|it| said(it, "name").is_some());
    let mut says = BTreeSet::new();
    if has_author || is_named("manufacturer") || is_named("manufacture") || is_named("supplier") {
        says.insert("author");
    }
    if said(metadata, "timestamp").is_some_and(|it| it.parse::<jiff::Timestamp>().is_ok()) {
        says.insert("timestamp");
    }
    let tools = match metadata.get("tools") {
        Some(Value::Array(tools)) => tools.as_slice(),
        Some(Value::Object(tools)) => tools
            .get("components")
            .or_else(|| tools.get("services"))
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice),
        _ => &[],
    };
    if tools.iter().any(|it| said(it, "name").is_some()) {
        says.insert("tool");
    }
    let phases = metadata.get("lifecycles").and_then(Value::as_array);
    let is_said = |it: &Value| said(it, "phase").or(said(it, "name")).is_some();
    if phases.into_iter().flatten().any(is_said) {
        says.insert("context");
    }
    says
}

/// A component and those inside it.
fn take(
    component: &Value,
    related: &BTreeSet<&str>,
    to: &mut Vec<Item>,
) -> Result<(), ReadingError> {
    if to.len() > limits::SBOM_COMPONENTS {
        return Ok(());
    }
    to.push(item(component, related)?);
    for inner in list(component, "components", "components.")? {
        take(inner, related, to)?;
    }
    Ok(())
}

fn item(component: &Value, related: &BTreeSet<&str>) -> Result<Item, ReadingError> {
    if !component.is_object() {
        return Err(ReadingError::at("a component", "not an object"));
    }
    let mut item = Item {
        reference: said(component, "bom-ref").unwrap_or_default().to_owned(),
        version: said(component, "version").map(str::to_owned),
        purl: said(component, "purl").map(str::to_owned),
        ..Item::default()
    };
    if let Some(name) = said(component, "name") {
        item.says.insert("name");
        let group = said(component, "group").map(|it| format!("{it}/"));
        item.name = format!("{}{name}", group.unwrap_or_default());
    } else {
        return Err(ReadingError::at("a component", "without a name"));
    }
    for given in list(component, "hashes", "components.")? {
        item.hashes.insert(hash_of(given)?);
    }
    references(component, &mut item)?;
    describe(component, &mut item, related)?;
    Ok(item)
}

fn hash_of(given: &Value) -> Result<crate::Hash, ReadingError> {
    let algorithm = said(given, "alg").unwrap_or_default();
    hash(
        algorithm,
        said(given, "content").unwrap_or_default(),
        "components.hashes",
    )
}

fn references(component: &Value, item: &mut Item) -> Result<(), ReadingError> {
    for reference in list(component, "externalReferences", "components.")? {
        let url = said(reference, "url").unwrap_or_default();
        match said(reference, "type") {
            Some("distribution") => {
                for given in list(reference, "hashes", "components.externalReferences.")? {
                    item.hashes.insert(hash_of(given)?);
                }
            }
            Some("attestation") if !url.is_empty() => {
                item.claim = Some(Claim::Reference(url.to_owned()));
            }
            _ => {}
        }
    }
    Ok(())
}

fn describe(
    component: &Value,
    item: &mut Item,
    related: &BTreeSet<&str>,
) -> Result<(), ReadingError> {
    let is_named = |key: &str| {
        component
            .get(key)
            .is_some_and(|it| said(it, "name").is_some())
    };
    let authors = list(component, "authors", "components.")?;
    let licences = list(component, "licenses", "components.")?;
    let says_licence = |it: &Value| {
        let licence = it.get("license").unwrap_or(&Value::Null);
        said(it, "expression")
            .or(said(licence, "id"))
            .or(said(licence, "name"))
            .is_some()
    };
    for (says, is_said) in [
        ("supplier", is_named("supplier")),
        ("manufacturer", is_named("manufacturer")),
        ("publisher", said(component, "publisher").is_some()),
        (
            "maker",
            said(component, "author").is_some()
                || authors.iter().any(|it| said(it, "name").is_some()),
        ),
        ("version", item.version.is_some()),
        ("purl", item.parts().is_some()),
        ("cpe", said(component, "cpe").is_some()),
        (
            "swid",
            component
                .get("swid")
                .is_some_and(|it| said(it, "tagId").is_some()),
        ),
        (
            "omnibor",
            !list(component, "omniborId", "components.")?.is_empty()
                || !list(component, "swhid", "components.")?.is_empty(),
        ),
        ("hash", item.hashes.iter().any(crate::Hash::is_strong)),
        ("licence", licences.iter().any(says_licence)),
        ("relationship", related.contains(item.reference.as_str())),
    ] {
        if is_said {
            item.says.insert(says);
        }
    }
    Ok(())
}
