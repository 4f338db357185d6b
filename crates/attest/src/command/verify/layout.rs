//! Files at hand as the products of the last step of a layout.
//!
//! What links name and what lies on a disk are two things: each file here must be one that the last
//! step made, at its path and with its digests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use attest_digest::{
    Artifact, Digest, DigestSet, Hashes, Match, Problem, RelativePath, Root, WalkLimits,
};
use attest_policy::Pattern;
use attest_provenance::in_toto::Artifacts;
use attest_verify::layout::{Chain, LayoutRefusal};

use super::VerifyArgs;
use super::subject::Subject;
use crate::args::Global;
use crate::clock::Now;
use crate::command::provenance::{FolderOfLinks, LayoutRequest, chain_lines, run_inspections};
use crate::console::Console;
use crate::failure::{Exit, Failure};
use crate::home::real;
use crate::report::{FileReport, Refusal, Report, SubjectReport, TrustLine, Verdict, refusals};

pub(super) fn run(
    layout: &Path,
    args: &VerifyArgs,
    subjects: &[Subject],
    now: Now,
    global: &Global,
    console: &Console,
) -> Result<Exit, Failure> {
    refuse_what_links_do_not_have(args)?;
    let fits = |it: &Subject| {
        matches!(
            it,
            Subject::File(_) | Subject::Folder(_) | Subject::Digest(_)
        )
    };
    if !subjects.iter().all(fits) {
        return Err(unsupported());
    }
    let verified = subjects.iter().filter_map(|subject| match subject {
        Subject::Folder(path) => Some(path.clone()),
        _ => None,
    });
    let verified: Vec<PathBuf> = verified.collect();
    let request = LayoutRequest::resolve(layout, &args.layout.chain, &verified, now.time)?;
    let extra = args.allow_extra.iter().map(|text| Pattern::parse(text));
    let extra = extra
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| Failure::request("bad-pattern", format!("--allow-extra: {error}")))?;
    let layout = request.file.0.as_path();
    let mut report = new_report(args, &request, now, global);
    let judged = prove(&request, args, subjects)?;
    for subject in subjects {
        report.subjects.push(match &judged {
            Ok(chain) => answer(subject, chain, &exempt(layout, &request, chain), &extra)?,
            Err(reasons) => {
                let mut refused = SubjectReport::new(shown(subject), kind(subject));
                refused.reasons.clone_from(reasons);
                refused
            }
        });
    }
    if let (Ok(chain), Some(first)) = (&judged, report.subjects.first_mut()) {
        // In a report each is one sentence, without columns.
        let words = |line: String| line.split_whitespace().collect::<Vec<_>>().join(" ");
        first
            .notes
            .extend(chain_lines(chain).into_iter().map(words));
    }
    Ok(report.render(console))
}

/// The chain, its inspections run on what is at hand; or why not.
fn prove(
    request: &LayoutRequest,
    args: &VerifyArgs,
    subjects: &[Subject],
) -> Result<Result<Chain, Vec<Refusal>>, Failure> {
    let folder = FolderOfLinks::at(&request.links);
    let mut chain = match request.layout.prove(&folder, request.options) {
        Ok(chain) => chain,
        Err(LayoutRefusal::Rejected(rejection)) => return Ok(Err(refusals(&rejection))),
        Err(LayoutRefusal::Unreadable(error)) => {
            return Err(Failure::unknown("links-unreadable", error));
        }
        Err(_) => return Err(Failure::unknown("links-unreadable", "links")),
    };
    let layout = request.layout.layout();
    if layout.inspections.is_empty() {
        return Ok(Ok(chain));
    }
    let [Subject::File(path) | Subject::Folder(path)] = subjects else {
        let message = "inspections run on one file or folder, and other subjects are given";
        return Err(Failure::request("bad-arguments", message));
    };
    let runs = run_inspections(layout, path, args.layout.chain.inspection_timeout)?;
    let judged = chain.inspect(&request.layout, runs);
    Ok(judged
        .map(|()| chain)
        .map_err(|rejection| refusals(&rejection)))
}

/// Nothing that is given is ignored: links have no log, no time, no bundle and no other signers.
fn refuse_what_links_do_not_have(args: &VerifyArgs) -> Result<(), Failure> {
    let (trust, deployed, images) = (&args.trust, &args.deployed, &args.images);
    let registry = &images.registry;
    let given = [
        ("another signer", trust.signers.is_given()),
        ("--succession", !trust.successions.succession.is_empty()),
        ("--trusted-root", !trust.trusted_root.is_empty()),
        ("--trust-env", trust.trust_env),
        ("--accept", !trust.accept.is_empty()),
        ("--type", !trust.types.is_empty()),
        ("--independent", !args.independent.is_empty()),
        ("--state", args.policy.state.is_some()),
        ("--bundle", !args.bundle.is_empty()),
        ("--release", args.release.is_some()),
        ("--copy-to", args.copy_to.is_some()),
        ("--force", args.force),
        ("--ignore-missing", args.ignore_missing),
        ("--evidence", !deployed.evidence.is_empty()),
        ("--deployed-links", !deployed.deployed_links.is_empty()),
        ("--manifest", deployed.manifest.is_some()),
        ("--source-repository", deployed.source_repository.is_some()),
        (
            "--platform",
            !images.platform.is_empty() || images.all_platforms,
        ),
        ("--plain-http", !registry.plain_http.is_empty()),
        ("--registry-ca", registry.registry_ca.is_some()),
        ("--registry-mirror", !registry.registry_mirror.is_empty()),
        ("--registry-realm", !registry.registry_realm.is_empty()),
        ("--registry-config", registry.registry_config.is_some()),
    ];
    let Some((flag, _)) = given.into_iter().find(|(_, is_given)| *is_given) else {
        return Ok(());
    };
    Err(Failure::request(
        "bad-arguments",
        format!("--layout says alone who is expected and what counts: {flag} is nothing to it"),
    )
    .hint("verify twice: by the layout, and by the other evidence"))
}

fn answer(
    subject: &Subject,
    chain: &Chain,
    exempt: &BTreeSet<PathBuf>,
    extra: &[Pattern],
) -> Result<SubjectReport, Failure> {
    let none = Artifacts::new();
    let products = chain.products().unwrap_or(&none);
    let mut report = SubjectReport::new(shown(subject), kind(subject));
    match subject {
        Subject::File(path) => report.files.push(lone(path, products)),
        Subject::Digest(digest) => {
            let unread = "no bytes were read: that this digest is the artifact's is your word";
            report.notes.push(unread.to_owned());
            report.files.push(lone_digest(*digest, products));
        }
        Subject::Folder(path) => report.files = folder(path, products, exempt, extra),
        _ => return Err(unsupported()),
    }
    Ok(report)
}

fn unsupported() -> Failure {
    let message = "a layout is about files, folders and digests, and another subject is given";
    Failure::request("subject-unsupported", message)
        .hint("name the files themselves; FILE, DIR or sha256:HEX")
}

/// A lone file is bound by its digest: which product it is, is told.
fn lone(path: &Path, products: &Artifacts) -> FileReport {
    let place = path.display().to_string();
    let artifact = match Artifact::read_path(path, hashes(products)) {
        Ok(artifact) => artifact,
        Err(error) => return FileReport::unreadable(place, &error),
    };
    let mut same = products
        .iter()
        .filter(|(_, digests)| artifact.compare(digests) == Match::Same);
    let verdict = match same.next() {
        Some(_) => Verdict::Verified,
        None => refuse_lone(path, &artifact, products),
    };
    FileReport {
        path: place,
        verdict,
        size: Some(artifact.size()),
        sha256: Some(artifact.sha256().hex()),
    }
}

fn refuse_lone(path: &Path, artifact: &Artifact, products: &Artifacts) -> Verdict {
    let name = path.file_name().and_then(|it| it.to_str());
    let named = products
        .iter()
        .find(|(product, _)| Some(product.file_name()) == name);
    Verdict::Rejected(match named {
        Some((product, digests)) => Refusal {
            code: "digest-mismatch",
            found: artifact.sha256().to_string(),
            wanted: format!("{} of the product {product}", strongest(digests)),
        },
        None => Refusal {
            code: "file-unattested",
            found: artifact.sha256().to_string(),
            wanted: "a product of the last step".to_owned(),
        },
    })
}

fn lone_digest(digest: Digest, products: &Artifacts) -> FileReport {
    let mut all = products.iter();
    let is_product = all.any(|(_, it)| it.get(digest.algorithm()) == Some(&digest));
    let verdict = if is_product {
        Verdict::Verified
    } else {
        Verdict::Rejected(Refusal {
            code: "file-unattested",
            found: digest.to_string(),
            wanted: "a product of the last step".to_owned(),
        })
    };
    FileReport {
        path: digest.to_string(),
        verdict,
        size: None,
        sha256: Some(digest.hex()),
    }
}

/// Every file of a folder, and every product that is not there.
fn folder(
    path: &Path,
    products: &Artifacts,
    exempt: &BTreeSet<PathBuf>,
    extra: &[Pattern],
) -> Vec<FileReport> {
    let unreadable = |code, found: String| {
        vec![FileReport {
            path: path.display().to_string(),
            verdict: Verdict::Unreadable(Refusal {
                code,
                found,
                wanted: "a readable folder".to_owned(),
            }),
            size: None,
            sha256: None,
        }]
    };
    let root = match Root::open(path) {
        Ok(root) => root,
        Err(error) => return unreadable(error.code(), error.to_string()),
    };
    let tree = match root.walk(&WalkLimits::default()) {
        Ok(tree) => tree,
        Err(error) => return unreadable(error.code(), error.to_string()),
    };
    let paths: Vec<RelativePath> = tree.files().map(|(path, _)| path.clone()).collect();
    let read = root.read_all(&paths, hashes(products));
    let by_sha256: BTreeMap<Digest, &RelativePath> = products
        .iter()
        .flat_map(|(path, digests)| digests.iter().map(move |digest| (*digest, path)))
        .collect();
    let mut reports = Vec::new();
    for (relative, read) in paths.iter().zip(read) {
        let artifact = match read {
            Ok(artifact) => artifact,
            Err(error) => {
                reports.push(FileReport::unreadable(relative.as_str().to_owned(), &error));
                continue;
            }
        };
        let verdict = match products.get(relative.as_str()) {
            Some(digests) => bound(&artifact, digests),
            None if exempt.contains(&real(&path.join(relative.as_str()))) => {
                Verdict::Evidence("layout or link of this run".to_owned())
            }
            None if extra.iter().any(|it| it.matches(relative.as_str())) => Verdict::Extra,
            None => Verdict::Rejected(unattested(&artifact, &by_sha256)),
        };
        reports.push(FileReport {
            path: relative.as_str().to_owned(),
            verdict,
            size: Some(artifact.size()),
            sha256: Some(artifact.sha256().hex()),
        });
    }
    reports.extend(
        tree.refused()
            .map(|(path, problem)| refused(path.as_str(), problem)),
    );
    let there: BTreeSet<&RelativePath> = paths.iter().collect();
    let missing = products.paths().filter(|path| !there.contains(path));
    reports.extend(missing.map(|path| FileReport {
        path: path.as_str().to_owned(),
        verdict: Verdict::Rejected(Refusal {
            code: "file-missing",
            found: "no such file".to_owned(),
            wanted: path.as_str().to_owned(),
        }),
        size: None,
        sha256: None,
    }));
    reports.sort_by(|one, other| one.path.cmp(&other.path));
    reports
}

fn bound(artifact: &Artifact, digests: &DigestSet) -> Verdict {
    if artifact.compare(digests) == Match::Same {
        return Verdict::Verified;
    }
    Verdict::Rejected(Refusal {
        code: "digest-mismatch",
        found: artifact.sha256().to_string(),
        wanted: strongest(digests),
    })
}

fn unattested(artifact: &Artifact, products: &BTreeMap<Digest, &RelativePath>) -> Refusal {
    match products.get(&artifact.sha256()) {
        Some(other) => Refusal {
            code: "name-mismatch",
            found: artifact.sha256().to_string(),
            wanted: format!("these bytes at {other}"),
        },
        None => Refusal {
            code: "file-unattested",
            found: artifact.sha256().to_string(),
            wanted: "a product of the last step".to_owned(),
        },
    }
}

fn refused(path: &str, problem: &Problem) -> FileReport {
    let refusal = Refusal {
        code: problem.code(),
        found: problem.to_string(),
        wanted: "a regular file that a step can make".to_owned(),
    };
    FileReport {
        path: path.to_owned(),
        verdict: match problem {
            Problem::Unreadable { .. } => Verdict::Unreadable(refusal),
            _ => Verdict::Rejected(refusal),
        },
        size: None,
        sha256: None,
    }
}

fn hashes(products: &Artifacts) -> Hashes {
    Hashes::Sha256.with_claims(products.iter().map(|(_, digests)| digests))
}

fn strongest(digests: &DigestSet) -> String {
    digests
        .strongest()
        .map_or_else(|| "a digest".to_owned(), ToString::to_string)
}

/// The layout, and the links that this run has proven: they are evidence, wherever they lie.
fn exempt(layout: &Path, request: &LayoutRequest, chain: &Chain) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::from([real(layout)]);
    links(chain, &request.links, &mut files);
    files.extend(
        request
            .keys
            .iter()
            .filter(|(_, _, pinned)| *pinned)
            .map(|(place, ..)| real(Path::new(place))),
    );
    files
}

fn links(chain: &Chain, folder: &Path, files: &mut BTreeSet<PathBuf>) {
    for step in chain.steps() {
        let mut inner = step.sublayouts().iter();
        for (file, is_layout) in step.files().iter().zip(step.are_layouts()) {
            files.insert(real(&folder.join(file)));
            if is_layout && let Some(inner) = inner.next() {
                let below = file.strip_suffix(".link").unwrap_or(file);
                links(inner, &folder.join(below), files);
            }
        }
    }
}

fn shown(subject: &Subject) -> String {
    match subject {
        Subject::File(path) | Subject::Folder(path) => path.display().to_string(),
        Subject::Digest(digest) => digest.to_string(),
        _ => "another subject".to_owned(),
    }
}

const fn kind(subject: &Subject) -> &'static str {
    match subject {
        Subject::File(_) => "file",
        Subject::Folder(_) => "folder",
        _ => "digest",
    }
}

fn new_report(args: &VerifyArgs, request: &LayoutRequest, now: Now, global: &Global) -> Report {
    let (layout, sha256, pinned) = &request.file;
    let itself = TrustLine {
        what: "layout",
        place: layout.display().to_string(),
        sha256: sha256.hex(),
        pinned: *pinned,
        of_home: false,
        taken: None,
        warning: None,
    };
    let keys = request
        .keys
        .iter()
        .map(|(place, sha256, pinned)| TrustLine {
            what: "key",
            place: place.clone(),
            sha256: hex::encode(sha256),
            pinned: *pinned,
            of_home: false,
            taken: None,
            warning: None,
        });
    Report {
        signer: format!("whoever the layout {} names", layout.display()),
        trust: std::iter::once(itself).chain(keys).collect(),
        not_checked: vec![
            "rollback".to_owned(),
            "when the steps were done: links carry no proven time".to_owned(),
        ],
        verbose: global.verbose,
        explain: args.explain,
        ..Report::new("verify", now)
    }
}
