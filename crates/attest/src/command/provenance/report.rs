//! `attest provenance report`: a tool's report as a signed test result, and a signed reference to its
//! exact bytes.

use std::path::{Path, PathBuf};

use attest_digest::{Artifact, DigestSet, Hashes};
use attest_provenance::predicate::reference::{self, Reference};
use attest_provenance::predicate::test_result;
use attest_provenance::report::{EXTENSION, Tool, ToolReport};
use attest_provenance::{ResourceDescriptor, Statement, Subject, limits};
use attest_sign::Signed;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::desk::{Desk, DeskArgs};
use super::subject::{NamedSubject, name_of};
use crate::args::Global;
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure, with_source};
use crate::files;

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The report, in the tool's own format
    #[arg(value_name = "FILE")]
    report: PathBuf,
    /// Which tool made it
    #[arg(long, value_enum, value_name = "TOOL")]
    tool: ToolArg,
    /// What was tested: a file, or sha256:HEX=NAME, gitCommit:HEX=NAME; can be repeated. For a tool that
    /// looks at a running service: the digest of what was deployed there
    #[arg(long, value_name = "FILE|DIGEST[=NAME]", required = true)]
    subject: Vec<String>,
    /// A file that configured the tool, recorded by its digest; can be repeated
    #[arg(long, value_name = "FILE")]
    configuration: Vec<PathBuf>,
    /// Where the run can be seen; for a tool that looks at a running service, the address that was
    /// tested, which the report must name
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The system that keeps the report, as a URI
    #[arg(long, value_name = "URI", default_value = ATTESTER)]
    attester: String,
    /// Where the two bundles are written [default: beside the report]
    #[arg(long, short, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    desk: DeskArgs,
}

#[expect(clippy::doc_markdown, reason = "these comments are the help text")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ToolArg {
    /// SARIF 2.1.0 of any tool: Semgrep, CodeQL, Trivy, ruff …
    Sarif,
    /// OpenSCAP: oscap xccdf eval --results-arf
    OscapArf,
    /// ZAP: the traditional JSON report
    Zap,
    /// Nikto: -Format json
    Nikto,
    /// Wapiti: -f json
    Wapiti,
    /// AIDE: report_format=json
    Aide,
}

impl ToolArg {
    const fn tool(self) -> Tool {
        match self {
            Self::Sarif => Tool::Sarif,
            Self::OscapArf => Tool::OscapArf,
            Self::Zap => Tool::Zap,
            Self::Nikto => Tool::Nikto,
            Self::Wapiti => Tool::Wapiti,
            Self::Aide => Tool::Aide,
        }
    }
}

pub(crate) fn run(args: &ReportArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    let subjects = args.subject.iter().map(|it| NamedSubject::parse(it));
    let subjects: Vec<NamedSubject> = subjects.collect::<Result<_, _>>()?;
    let name = name_of(&args.report)?;
    let bytes = read(&args.report)?;
    let report = ToolReport::parse(args.tool.tool(), &bytes).map_err(|error| {
        let message = format!("{}: {}", args.report.display(), with_source(&error));
        Failure::request(error.code(), message)
    })?;
    let url = tested(args, &report)?;
    let outputs = outputs(args, &name);
    args.desk.refuse_existing(&[&outputs.0, &outputs.1])?;
    let desk = Desk::open(&args.desk, global)?;

    let subjects = subjects.iter().map(NamedSubject::read);
    let subjects: Vec<Subject> = subjects.collect::<Result<_, _>>()?;
    let digests: DigestSet = Artifact::of_bytes(&bytes, Hashes::Sha256).sha256().into();
    let configuration = args.configuration.iter().map(|it| configured(it));
    let result = report.test_result(configuration.collect::<Result<_, _>>()?, url);
    let mut predicate = result.to_json();
    let itself =
        Subject::new(name.clone(), digests.clone()).map_err(|it| refused(&it, it.code()))?;
    if let Value::Object(fields) = &mut predicate {
        fields.insert(EXTENSION.to_owned(), report.extension(&itself));
    }
    let document = Reference::beside(&name, digests, args.tool.tool().media_type());
    let reference = Reference::new(args.attester.clone(), vec![document]).to_json();
    let statements =
        [(test_result::TYPE, predicate), (reference::TYPE, reference)].map(|(uri, predicate)| {
            Statement::new(subjects.clone(), uri, predicate).map_err(|it| refused(&it, it.code()))
        });
    let [result_statement, reference_statement] = statements;
    let payloads = [
        result_statement?.to_bytes(),
        reference_statement?.to_bytes(),
    ];
    let signed = desk.sign(&[&payloads[0], &payloads[1]], global)?;
    write(args, &outputs, &signed)?;
    let answer = Answer {
        report: &report,
        result: &result,
        outputs: [&outputs.0, &outputs.1],
        desk: &desk,
    };
    if console.is_json() {
        console.json(&answer.json());
    } else {
        answer.say(console);
    }
    Ok(Exit::Yes)
}

/// The address that was tested: for a tool that looks at a running service one that the report names.
fn tested(args: &ReportArgs, report: &ToolReport) -> Result<Option<String>, Failure> {
    if !args.tool.tool().is_dynamic() {
        return Ok(args.url.clone());
    }
    let targets = report.targets();
    let names = targets.iter().cloned().collect::<Vec<_>>().join(", ");
    match (&args.url, targets.first()) {
        (Some(url), _) if targets.contains(url) => Ok(Some(url.clone())),
        (Some(url), _) => Err(Failure::request(
            "report-target-mismatch",
            format!("the report is about {names}, wanted {url}"),
        )),
        (None, Some(only)) if targets.len() == 1 => Ok(Some(only.clone())),
        (None, _) => Err(Failure::request(
            "report-target-mismatch",
            format!("the report is about several addresses: {names}"),
        )
        .hint("say with --url which of them is the subject; what was found elsewhere counts too")),
    }
}

fn configured(path: &Path) -> Result<ResourceDescriptor, Failure> {
    let artifact = Artifact::read_path(path, Hashes::Sha256)
        .map_err(|error| Failure::unknown(error.code(), with_source(&error)))?;
    Ok(ResourceDescriptor {
        name: Some(name_of(path)?),
        digests: artifact.sha256().into(),
        ..ResourceDescriptor::default()
    })
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    files::read_limited(path, limits::REPORT.bytes as u64).map_err(|error| {
        Failure::unknown("file-unreadable", format!("{}: {error}", path.display()))
    })
}

fn outputs(args: &ReportArgs, name: &str) -> (PathBuf, PathBuf) {
    let folder = match &args.out {
        Some(folder) => folder.clone(),
        None => files::folder_of(&args.report),
    };
    let output = |kind| folder.join(format!("{name}.{kind}.sigstore.json"));
    (output("test-result"), output("reference"))
}

fn write(
    args: &ReportArgs,
    outputs: &(PathBuf, PathBuf),
    signed: &[Signed],
) -> Result<(), Failure> {
    let mut written: Option<&PathBuf> = None;
    for (output, bundle) in [&outputs.0, &outputs.1].into_iter().zip(signed) {
        let is_new = output.symlink_metadata().is_err();
        if let Err(failure) = files::write(output, bundle.bundle(), MODE, args.desk.overwrite()) {
            if let Some(path) = written {
                let _ = std::fs::remove_file(path);
            }
            return Err(failure);
        }
        written = is_new.then_some(output);
    }
    Ok(())
}

fn refused(error: &dyn std::error::Error, code: &'static str) -> Failure {
    Failure::request(code, with_source(error))
}

struct Answer<'a> {
    report: &'a ToolReport,
    result: &'a test_result::TestResult,
    outputs: [&'a PathBuf; 2],
    desk: &'a Desk,
}

impl Answer<'_> {
    fn say(&self, console: &Console) {
        let line = |name: &str, value: &str| {
            console.say(format_args!("{name:<10} {}", escape(value)));
        };
        line("tool", self.report.program());
        let counts = format!(
            "{}: {} passed, {} warned, {} failed",
            self.result.result.word(),
            self.result.passed.len(),
            self.result.warned.len(),
            self.result.failed.len(),
        );
        line("result", &counts);
        for name in self.result.failed.iter().take(SHOWN) {
            line("failed", name);
        }
        for output in self.outputs {
            line("signed", &output.display().to_string());
        }
    }

    fn json(&self) -> Value {
        json!({
            "version": 1,
            "command": "provenance report",
            "answer": Exit::Yes.word(),
            "exit": Exit::Yes.number(),
            "tool": self.report.program(),
            "result": self.result.result.word(),
            "passed": self.result.passed.len(),
            "warned": self.result.warned.len(),
            "failed": self.result.failed.len(),
            "suppressed": self.report.suppressed(),
            "targets": self.report.targets(),
            "signed_by": self.desk.key_pin(),
            "bundles": self.outputs.map(|it| it.display().to_string()),
        })
    }
}

const ATTESTER: &str = "https://attest.dev/report";
const MODE: u32 = 0o644;
const SHOWN: usize = 20;
