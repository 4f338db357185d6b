//! What a statement says, in a few words for each type of predicate. All of it is claimed.

use attest_provenance::predicate::Claimed;
use attest_provenance::predicate::link::ClaimedLink;
use attest_provenance::predicate::openvex::OpenVex;
use attest_provenance::predicate::reference::Reference;
use attest_provenance::predicate::review::ReviewResult;
use attest_provenance::predicate::sbom::{BomFormat, ClaimedBom};
use attest_provenance::predicate::slsa::ClaimedProvenance;
use attest_provenance::predicate::svr::Svr;
use attest_provenance::predicate::test_result::TestResult;
use attest_provenance::predicate::vsa::Vsa;
use attest_provenance::predicate::vulns::Vulns;
use attest_provenance::{ResourceDescriptor, Statement};

use super::describe::SHOWN;
use crate::failure::with_source;

type Claims = Vec<(&'static str, String)>;

pub(super) fn claims(statement: &Statement) -> Claims {
    match Claimed::from_statement(statement) {
        Err(error) => vec![("malformed", with_source(&error))],
        Ok(Claimed::Provenance(it)) => provenance(&it),
        Ok(Claimed::Vsa(it)) => vsa(&it),
        Ok(Claimed::Svr(it)) => svr(&it),
        Ok(Claimed::Link(it)) => link(&it),
        Ok(Claimed::Release(it)) => vec![("release", it.purl().to_owned())],
        Ok(Claimed::TestResult(it)) => tests(&it),
        Ok(Claimed::Vulns(it)) => vulns(&it),
        Ok(Claimed::CosignVuln(it)) => vec![
            ("scanner", it.scanner_uri),
            (
                "scanned",
                it.finished.map(|it| it.to_string()).unwrap_or_default(),
            ),
        ],
        Ok(Claimed::Reference(it)) => reference(&it),
        Ok(Claimed::OpenVex(it)) => openvex(&it),
        Ok(Claimed::Bom(it)) => bom(it),
        Ok(Claimed::Attributes(it)) => {
            let names = it.attributes.into_iter().map(|it| it.attribute);
            shown("attribute", names)
        }
        Ok(Claimed::Published(it)) => vec![("package", it.subject().to_owned())],
        Ok(Claimed::Custom(it)) => vec![
            ("data", it.data.chars().take(LINE).collect()),
            ("made", it.timestamp),
        ],
        Ok(Claimed::Review(it)) => {
            let result = match it.result {
                ReviewResult::Approved => "approved",
                ReviewResult::ChangesRequested => "changes requested",
                ReviewResult::Rejected => "rejected",
            };
            vec![
                ("reviewer", it.reviewer.clone()),
                ("result", result.to_owned()),
                ("reviewed", it.reviewed_on.to_string()),
            ]
        }
        Ok(Claimed::Deployment(it)) => vec![
            ("environment", it.environment),
            ("deployed", it.deployed_on.to_string()),
        ],
        Ok(_) => Vec::new(),
    }
}

fn provenance(it: &ClaimedProvenance) -> Claims {
    let mut claims = vec![
        ("builder", it.builder_id().to_owned()),
        ("build type", it.build_type().to_owned()),
    ];
    let times = [("started", it.started()), ("finished", it.finished())];
    let times = times.into_iter();
    claims.extend(times.filter_map(|(name, time)| Some((name, time?.to_string()))));
    if let Some(parameters) = it.external_parameters() {
        let names = parameters
            .iter()
            .map(|(name, value)| format!("{name} = {value}"));
        claims.extend(shown(
            "parameter",
            names.map(|it| it.chars().take(LINE).collect()),
        ));
    }
    let dependencies = it.dependencies().iter().map(resource);
    claims.extend(shown("dependency", dependencies));
    claims
}

fn vsa(it: &Vsa) -> Claims {
    let levels = it.verified_levels.join(", ");
    let mut claims = vec![
        ("verifier", it.verifier_id.clone()),
        ("result", format!("{}, {levels}", it.result.word())),
        ("verified as", it.resource_uri.clone()),
        ("policy", resource(&it.policy)),
    ];
    claims.extend(it.time_verified.map(|it| ("verified", it.to_string())));
    claims
}

fn svr(it: &Svr) -> Claims {
    let mut claims = vec![
        ("verifier", it.verifier_id.clone()),
        ("verified", it.time_created.to_string()),
    ];
    claims.extend(shown("property", it.properties.iter().cloned()));
    claims
}

fn link(it: &ClaimedLink) -> Claims {
    let mut claims = vec![("step", it.name.clone())];
    if !it.command.is_empty() {
        claims.push(("command", format!("{:?}", it.command)));
    }
    claims.push(("materials", it.materials.len().to_string()));
    claims
}

fn tests(it: &TestResult) -> Claims {
    let counts = format!(
        "{}: {} passed, {} warned, {} failed",
        it.result.word(),
        it.passed.len(),
        it.warned.len(),
        it.failed.len()
    );
    let mut claims = vec![("result", counts)];
    claims.extend(it.url.iter().map(|it| ("run", it.clone())));
    claims.extend(shown("failed", it.failed.iter().cloned()));
    claims
}

fn vulns(it: &Vulns) -> Claims {
    let mut claims = vec![
        ("scanner", it.scanner_uri.clone()),
        ("database of", it.database_updated.to_string()),
        ("scanned", it.finished.to_string()),
        ("findings", it.findings.len().to_string()),
    ];
    let findings = it.findings.iter().map(|it| {
        let severities = it.severities.iter();
        let severities = severities.map(|it| format!("{} ({})", it.score, it.method));
        format!("{} {}", it.id, severities.collect::<Vec<_>>().join(", "))
    });
    claims.extend(shown("finding", findings));
    claims
}

fn reference(it: &Reference) -> Claims {
    let mut claims = vec![("attester", it.attester().to_owned())];
    let documents = it.references().iter().map(|it| {
        let location = it.download_location.as_deref().unwrap_or_default();
        format!("{location} {}", resource(it))
    });
    claims.extend(shown("document", documents));
    claims
}

fn openvex(it: &OpenVex) -> Claims {
    let mut claims = vec![
        ("author", it.author.clone()),
        ("issued", it.timestamp.to_string()),
    ];
    let statements = it.statements.iter().map(|it| {
        let why = it.justification.map(|it| format!(", {}", it.word()));
        let why = why.unwrap_or_default();
        format!("{}: {}{why}", it.vulnerability, it.status.word())
    });
    claims.extend(shown("says", statements));
    claims
}

fn bom(it: ClaimedBom) -> Claims {
    let format = match it.format {
        BomFormat::CycloneDx => format!("CycloneDX {}", it.version),
        BomFormat::Spdx2 => it.version,
        BomFormat::Spdx3 => format!("SPDX {}", it.version),
    };
    let mut claims = vec![
        ("format", format),
        ("components", it.components.to_string()),
    ];
    claims.extend(it.name.map(|it| ("describes", it)));
    claims.extend(it.id.map(|it| ("document", it)));
    claims
}

/// URI or name, and the strongest digest.
fn resource(it: &ResourceDescriptor) -> String {
    let name = it.uri.as_deref().or(it.name.as_deref()).unwrap_or_default();
    let digest = it.digests.strongest().map(ToString::to_string);
    let other = || {
        let mut other = it.digests.other();
        other.next().map(|(name, value)| format!("{name}:{value}"))
    };
    match digest.or_else(other) {
        Some(digest) => format!("{name} {digest}").trim().to_owned(),
        None => name.to_owned(),
    }
}

/// The first ones, and how many more there are.
fn shown(name: &'static str, all: impl ExactSizeIterator<Item = String>) -> Claims {
    let more = all.len().saturating_sub(SHOWN);
    let mut claims: Claims = all.take(SHOWN).map(|it| (name, it)).collect();
    if more > 0 {
        claims.push((name, format!("… and {more} more")));
    }
    claims
}

/// Characters of a text of any length.
const LINE: usize = 200;
