//! SPDX 2.3.

use std::collections::BTreeSet;

use attest_provenance::json::Value;

use super::{Item, Reading, ReadingError, hash, list, said};

pub(super) fn read(document: &Value, version: &str) -> Result<Reading, ReadingError> {
    if version != "SPDX-2.3" {
        return Err(ReadingError::Version {
            found: version.to_owned(),
        });
    }
    let mut roots: BTreeSet<&str> = list(document, "documentDescribes", "")?
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let mut related = BTreeSet::new();
    for relationship in list(document, "relationships", "")? {
        let from = said(relationship, "spdxElementId").unwrap_or_default();
        // NONE says that there are none, which is said.
        let to = relationship
            .get("relatedSpdxElement")
            .and_then(Value::as_str);
        match said(relationship, "relationshipType") {
            Some("DESCRIBES") => roots.extend(to),
            Some("DESCRIBED_BY") => drop(roots.insert(from)),
            _ => {
                related.insert(from);
                related.extend(to);
            }
        }
    }
    let mut root = None;
    let mut items = Vec::new();
    for package in list(document, "packages", "")? {
        let item = item(package, &related)?;
        if root.is_none() && roots.contains(item.reference.as_str()) {
            root = Some(item);
        } else {
            items.push(item);
        }
    }
    Ok(Reading {
        format: version.to_owned(),
        root,
        items,
        says: says(document),
    })
}

fn says(document: &Value) -> BTreeSet<&'static str> {
    let creation = document.get("creationInfo").unwrap_or(&Value::Null);
    let creators = creation.get("creators").and_then(Value::as_array);
    let creators: Vec<&str> = creators
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let is = |prefix: &str| {
        let names = creators.iter().filter_map(|it| it.strip_prefix(prefix));
        names
            .map(str::trim)
            .any(|it| !matches!(it, "" | "NOASSERTION" | "anonymous"))
    };
    let mut says = BTreeSet::new();
    if is("Person:") || is("Organization:") {
        says.insert("author");
    }
    if is("Tool:") {
        says.insert("tool");
    }
    if said(creation, "created").is_some_and(|it| it.parse::<jiff::Timestamp>().is_ok()) {
        says.insert("timestamp");
    }
    // 2.3 has no field for the context, only words.
    if said(creation, "comment").is_some() {
        says.insert("context");
    }
    says
}

fn item(package: &Value, related: &BTreeSet<&str>) -> Result<Item, ReadingError> {
    let name =
        said(package, "name").ok_or_else(|| ReadingError::at("a package", "without a name"))?;
    let mut item = Item {
        reference: said(package, "SPDXID").unwrap_or_default().to_owned(),
        name: name.to_owned(),
        version: said(package, "versionInfo").map(str::to_owned),
        ..Item::default()
    };
    item.says.insert("name");
    for checksum in list(package, "checksums", "packages.")? {
        let algorithm = said(checksum, "algorithm").unwrap_or_default();
        let value = said(checksum, "checksumValue").unwrap_or_default();
        item.hashes
            .insert(hash(algorithm, value, "packages.checksums")?);
    }
    for reference in list(package, "externalRefs", "packages.")? {
        let locator = said(reference, "referenceLocator");
        match (said(reference, "referenceType"), locator) {
            (Some("purl"), Some(purl)) => item.purl = item.purl.take().or(Some(purl.to_owned())),
            (Some("cpe23Type" | "cpe22Type"), Some(_)) => drop(item.says.insert("cpe")),
            (Some("swid"), Some(_)) => drop(item.says.insert("swid")),
            (Some("gitoid" | "swh"), Some(_)) => drop(item.says.insert("omnibor")),
            _ => {}
        }
    }
    for (says, is_said) in [
        ("supplier", said(package, "supplier").is_some()),
        ("maker", said(package, "originator").is_some()),
        ("version", item.version.is_some()),
        ("purl", item.parts().is_some()),
        ("hash", item.hashes.iter().any(crate::Hash::is_strong)),
        (
            "licence",
            said(package, "licenseDeclared")
                .or(said(package, "licenseConcluded"))
                .is_some(),
        ),
        ("relationship", related.contains(item.reference.as_str())),
    ] {
        if is_said {
            item.says.insert(says);
        }
    }
    Ok(item)
}
