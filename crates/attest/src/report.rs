//! One model of a verification's answer, rendered for people and for machines. The report is evidence
//! too: it says what was checked, against what, and what was not.

mod build;
pub(crate) mod github;
mod human;
mod json;
mod judged;
pub(crate) mod junit;
pub(crate) mod sarif;
mod steps;
mod tree;

use attest_archive::renewal::Stamps;
use attest_digest::Digest;
use attest_policy::slsa::{SlsaFindings, VsaFindings};
use attest_policy::{Policy, Reason};
use attest_verify::{Evidence, Rejection};

use crate::args::Format;
use crate::clock::Now;
use crate::console::Console;
use crate::failure::Exit;
use steps::StepLine;
pub(crate) use tree::TreeReport;

/// Everything that a verifying run has to say.
#[derive(Debug)]
pub(crate) struct Report {
    /// The command that answers.
    pub(crate) command: &'static str,
    /// The time against which the future is judged.
    pub(crate) now: Now,
    /// Who was expected to have signed.
    pub(crate) signer: String,
    /// Whether more than one signer is accepted, so that evidence must say whose it is.
    pub(crate) several_signers: bool,
    /// The trust that was used.
    pub(crate) trust: Vec<TrustLine>,
    /// What `--accept` let pass, in its own words.
    pub(crate) accepted: Vec<&'static str>,
    /// The policy file by whose rules everything was judged.
    pub(crate) policy: Option<PolicyReport>,
    /// Logs and authorities that the verifier declared independent of the signer.
    pub(crate) independent: Vec<String>,
    /// One for each subject, in the order of the command line.
    pub(crate) subjects: Vec<SubjectReport>,
    /// Every bundle that was looked at.
    pub(crate) evidence: Vec<EvidenceReport>,
    /// The archive that was read, if one was.
    pub(crate) archive: Option<ArchiveReport>,
    /// Where the verified files were copied to, if they were.
    pub(crate) copied: Option<Copied>,
    /// The summary that was signed, if one was.
    pub(crate) emitted: Option<Emitted>,
    /// What was not checked.
    pub(crate) not_checked: Vec<String>,
    /// Whether files that verified are listed one by one.
    pub(crate) verbose: bool,
    /// Whether people are shown the steps of each piece of evidence.
    pub(crate) explain: bool,
}

/// A folder that verified files were handed over to.
#[derive(Debug)]
pub(crate) struct Copied {
    pub(crate) to: String,
    pub(crate) files: usize,
}

/// A verification summary that was signed and written.
#[derive(Debug)]
pub(crate) struct Emitted {
    pub(crate) to: String,
    pub(crate) verifier: String,
    pub(crate) resource: String,
    pub(crate) level: String,
    /// The fingerprint of the key that signed it.
    pub(crate) key: String,
}

/// What reading every blob of an archive has shown beside its releases.
#[derive(Debug)]
pub(crate) struct ArchiveReport {
    pub(crate) place: String,
    /// Blobs that were read, each once.
    pub(crate) blobs: usize,
    pub(crate) bytes: u64,
    /// What is wrong and belongs to no release.
    pub(crate) problems: Vec<Refusal>,
    /// What is left over and does no harm: code and words.
    pub(crate) notes: Vec<(&'static str, String)>,
}

/// A key or a trusted root, where it came from, and whether its bytes were pinned.
#[derive(Debug, Clone)]
pub(crate) struct TrustLine {
    pub(crate) what: &'static str,
    pub(crate) place: String,
    pub(crate) sha256: String,
    pub(crate) pinned: bool,
    /// Whether it is there because a home is trusted, and no flag names it.
    pub(crate) of_home: bool,
    /// The day on which an embedded root was taken.
    pub(crate) taken: Option<&'static str>,
    /// What the reader should know about it.
    pub(crate) warning: Option<String>,
}

/// The policy file that was judged by.
#[derive(Debug)]
pub(crate) struct PolicyReport {
    pub(crate) name: String,
    pub(crate) serial: Option<u64>,
    pub(crate) expires: Option<String>,
    /// Of the policy, which names the digests of all that it includes.
    pub(crate) sha256: String,
    /// Each file that it includes, and its digest.
    pub(crate) includes: Vec<(String, String)>,
    /// The key that signed it, if one was asked for.
    pub(crate) signed_by: Option<String>,
    /// How it stands to what is remembered.
    pub(crate) rollback: String,
}

/// What one rule of a policy says about a subject.
#[derive(Debug)]
pub(crate) struct RuleReport {
    pub(crate) title: String,
    /// Where it stands in the policy.
    pub(crate) place: String,
    /// What it asks, in one sentence.
    pub(crate) asks: String,
    pub(crate) passed: bool,
    pub(crate) reasons: Vec<Refusal>,
    /// The evidence that counted, as indices into [`Report::evidence`].
    pub(crate) by: Vec<usize>,
    /// The values found that satisfy.
    pub(crate) found: Vec<String>,
    /// Evidence of its type and signers that did not count, and why.
    pub(crate) passed_over: Vec<(usize, Refusal)>,
    /// Of several files: about how many it passed, and how many there are.
    pub(crate) files: Option<(usize, usize)>,
}

/// The answer about one subject.
#[derive(Debug)]
pub(crate) struct SubjectReport {
    pub(crate) subject: String,
    pub(crate) kind: &'static str,
    /// The release that its evidence names, proven.
    pub(crate) release: Option<String>,
    /// Which evidence decided, as indices into [`Report::evidence`].
    pub(crate) decided_by: Vec<usize>,
    /// What each rule of the policy says.
    pub(crate) rules: Vec<RuleReport>,
    /// By a policy: the lowest build level that provenance shows of any file; none if of one it shows none.
    pub(crate) built: Option<u8>,
    /// Who approved, once enough was proven to count.
    pub(crate) approvals: Option<Approvals>,
    pub(crate) files: Vec<FileReport>,
    /// Reasons that concern the subject as a whole.
    pub(crate) reasons: Vec<Refusal>,
    pub(crate) notes: Vec<String>,
    /// Of an archived release: by which timestamps each piece of evidence counts that decided; none if nothing did.
    pub(crate) stamps: Option<Vec<Stamps>>,
    /// Of a tree: what was compared, and how often it differs.
    pub(crate) tree: Option<TreeReport>,
}

/// How many different signers approved a subject.
#[derive(Debug)]
pub(crate) struct Approvals {
    pub(crate) found: usize,
    pub(crate) wanted: usize,
    /// Each approval: the signer, and the index into [`Report::evidence`].
    pub(crate) by: Vec<(String, usize)>,
}

/// The answer about one file.
#[derive(Debug)]
pub(crate) struct FileReport {
    pub(crate) path: String,
    pub(crate) verdict: Verdict,
    pub(crate) size: Option<u64>,
    pub(crate) sha256: Option<String>,
}

#[derive(Debug)]
pub(crate) enum Verdict {
    Verified,
    /// Evidence of this run, or pinned trust.
    Evidence(String),
    /// Unsigned, and `--allow-extra` covers it.
    Extra,
    /// Deleted from the archive, as a signed tombstone says: its digest is the one that was signed.
    Deleted,
    Rejected(Refusal),
    Unreadable(Refusal),
}

/// A code with what was found and wanted. Texts may quote evidence: renderers escape them.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) code: &'static str,
    pub(crate) found: String,
    pub(crate) wanted: String,
}

/// What was made of one bundle.
#[derive(Debug)]
pub(crate) struct EvidenceReport {
    pub(crate) place: String,
    /// Of the file that it was read from, if it was read.
    pub(crate) digest: Option<Digest>,
    pub(crate) state: EvidenceState,
}

#[derive(Debug)]
pub(crate) enum EvidenceState {
    /// Verified: it says who, when, and where it is logged.
    Proven(Box<Proven>),
    Rejected(Vec<Refusal>),
    Unreadable(Refusal),
    /// Not needed: other evidence sufficed first.
    NotLookedAt,
}

/// What a verified bundle proved, in words of the report.
#[derive(Debug, Clone)]
pub(crate) struct Proven {
    pub(crate) signer: String,
    /// What the signer's certificate claims beside the identity.
    pub(crate) claims: Vec<(&'static str, String)>,
    pub(crate) content: String,
    pub(crate) logs: Vec<LogLine>,
    pub(crate) times: Vec<TimeLine>,
    /// What was judged at which of them.
    pub(crate) judged: Vec<judged::JudgedLine>,
    /// Who issued the certificate, and the trusted root that has it.
    pub(crate) issuer: Option<(String, String)>,
    pub(crate) checks: Vec<&'static str>,
    pub(crate) steps: Vec<StepLine>,
    pub(crate) skipped: Vec<String>,
    /// What it shows of the build, if that was asked for and it is the expected one.
    pub(crate) build: Option<SlsaFindings>,
    /// What it says of somebody else's verification, if that was asked for.
    pub(crate) summary: Option<VsaFindings>,
}

#[derive(Debug, Clone)]
pub(crate) struct LogLine {
    pub(crate) origin: String,
    pub(crate) index: u64,
    pub(crate) tree_size: u64,
    pub(crate) kept_by: &'static str,
    /// The trusted root that has it.
    pub(crate) root: String,
}

#[derive(Debug, Clone)]
pub(crate) struct TimeLine {
    pub(crate) time: String,
    pub(crate) authority: String,
    pub(crate) asserted_by: &'static str,
    /// The trusted root that has the authority.
    pub(crate) root: String,
}

impl Report {
    /// A report that says nothing yet.
    pub(crate) const fn new(command: &'static str, now: Now) -> Self {
        Self {
            command,
            now,
            signer: String::new(),
            several_signers: false,
            trust: Vec::new(),
            accepted: Vec::new(),
            policy: None,
            independent: Vec::new(),
            subjects: Vec::new(),
            evidence: Vec::new(),
            archive: None,
            copied: None,
            emitted: None,
            not_checked: Vec::new(),
            verbose: false,
            explain: false,
        }
    }

    /// Any refusal is a no, else anything unreadable is "could not tell"; nothing verified is never
    /// a yes.
    pub(crate) fn exit(&self) -> Exit {
        let exits = self.subjects.iter().map(SubjectReport::exit);
        let problems = self.archive.iter().flat_map(|archive| &archive.problems);
        exits
            .chain(problems.map(|_| Exit::No))
            .reduce(worst)
            .unwrap_or(Exit::No)
    }

    /// Prints the report in the chosen format and gives the exit code.
    pub(crate) fn render(&self, console: &Console) -> Exit {
        match console.format() {
            Format::Json => console.json(&json::object(self)),
            Format::Sarif => console.json(&sarif::log(self)),
            Format::Junit => console.text(&junit::document(self)),
            Format::Github => {
                self.say(console);
                for command in github::commands(self) {
                    console.text(&format!("{command}\n"));
                }
            }
            Format::Human | Format::Html | Format::Oscal => self.say(console),
        }
        self.exit()
    }
}

impl Report {
    fn say(&self, console: &Console) {
        for line in human::lines(self) {
            console.say(line);
        }
    }
}

impl SubjectReport {
    pub(crate) fn new(subject: String, kind: &'static str) -> Self {
        Self {
            subject,
            kind,
            release: None,
            decided_by: Vec::new(),
            rules: Vec::new(),
            built: None,
            approvals: None,
            files: Vec::new(),
            reasons: Vec::new(),
            notes: Vec::new(),
            stamps: None,
            tree: None,
        }
    }

    pub(crate) fn exit(&self) -> Exit {
        let files = self.files.iter().filter_map(|file| match &file.verdict {
            // Of what was deleted, the digest that was kept is the one that was signed.
            Verdict::Verified | Verdict::Deleted => Some(Exit::Yes),
            Verdict::Evidence(_) | Verdict::Extra => None,
            Verdict::Rejected(_) => Some(Exit::No),
            Verdict::Unreadable(_) => Some(Exit::Unknown),
        });
        let reasons = self.reasons.iter().map(|_| Exit::No);
        files.chain(reasons).reduce(worst).unwrap_or(Exit::No)
    }

    /// Gives the evidence that it cites, wherever it does, the places that this has in another report.
    pub(crate) fn renumber(&mut self, new: impl Fn(usize) -> Option<usize>) {
        let all = |old: &[usize]| old.iter().filter_map(|it| new(*it)).collect();
        self.decided_by = all(&self.decided_by);
        for (_, by) in self.approvals.iter_mut().flat_map(|it| &mut it.by) {
            *by = new(*by).unwrap_or(*by);
        }
        for rule in &mut self.rules {
            rule.by = all(&rule.by);
            for (passed_over, _) in &mut rule.passed_over {
                *passed_over = new(*passed_over).unwrap_or(*passed_over);
            }
        }
    }

    /// Something could not be read that belongs to the subject and might say no.
    pub(crate) fn could_not_tell(&mut self, path: &str, refusal: Refusal) {
        self.files.push(FileReport {
            path: path.to_owned(),
            verdict: Verdict::Unreadable(refusal),
            size: None,
            sha256: None,
        });
    }

    /// How many files verified.
    pub(crate) fn verified(&self) -> usize {
        self.files
            .iter()
            .filter(|file| matches!(file.verdict, Verdict::Verified))
            .count()
    }
}

/// No beats unknown beats yes.
fn worst(before: Exit, next: Exit) -> Exit {
    let rank = |exit: Exit| match exit {
        Exit::Yes => 0,
        Exit::Unknown => 1,
        Exit::Request => 2,
        Exit::No => 3,
    };
    if rank(next) > rank(before) {
        next
    } else {
        before
    }
}

impl Refusal {
    /// What is said when nothing else is: nothing checked is never a yes.
    fn nothing() -> Self {
        Self {
            code: "nothing-verified",
            found: "nothing that could be verified".to_owned(),
            wanted: "at least one file that was signed".to_owned(),
        }
    }
}

/// A refusal in words, without its code.
fn sentence(refusal: &Refusal) -> String {
    format!("found {}, wanted {}", refusal.found, refusal.wanted)
}

/// The path of a file as the command line would name it.
fn path_of(subject: &SubjectReport, file: &FileReport) -> String {
    let folder = match subject.kind {
        "folder" | "archived-release" | "tree" => Some(subject.subject.as_str()),
        "checksums" if file.path != subject.subject => {
            subject.subject.rsplit_once('/').map(|(folder, _)| folder)
        }
        _ => None,
    };
    match folder {
        Some(folder) if file.path != subject.subject => {
            format!("{}/{}", folder.trim_end_matches('/'), file.path)
        }
        _ => file.path.clone(),
    }
}

impl From<&Reason> for Refusal {
    fn from(reason: &Reason) -> Self {
        Self {
            code: reason.code(),
            found: reason.found().to_owned(),
            wanted: reason.wanted().to_owned(),
        }
    }
}

/// The refusals of a rejected bundle, the first is the one that counts.
pub(crate) fn refusals(rejection: &Rejection) -> Vec<Refusal> {
    rejection
        .checks()
        .iter()
        .map(|check| Refusal {
            code: check.code(),
            found: check.found().to_owned(),
            wanted: check.wanted().to_owned(),
        })
        .collect()
}

/// A refusal of one reason.
pub(crate) fn refusal(rejection: &Rejection) -> Refusal {
    let mut refusals = refusals(rejection);
    refusals.truncate(1);
    refusals.pop().unwrap_or_else(|| Refusal {
        code: rejection.code(),
        found: rejection.to_string(),
        wanted: "evidence".to_owned(),
    })
}

/// Puts proven evidence into words; the policy knows which logs and authorities the verifier declared
/// independent, and what was expected of the build.
pub(crate) fn proven(evidence: &Evidence, policy: &Policy) -> Proven {
    let signers = policy.signers();
    let declared = |id: &str| signers.independent().iter().any(|one| one == id);
    let times = times(evidence, &declared);
    Proven {
        judged: judged::judged(evidence, &times, signers.have_window(evidence)),
        signer: evidence.signer().to_string(),
        claims: evidence.claims().to_vec(),
        content: evidence.statement().map_or_else(
            || "message signature".to_owned(),
            |statement| statement.predicate_type().to_owned(),
        ),
        logs: evidence
            .logs()
            .iter()
            .map(|log| LogLine {
                origin: log.origin().to_owned(),
                index: log.index(),
                tree_size: log.tree_size(),
                kept_by: keeper(declared(log.origin()), log.origin()),
                root: log.root().to_owned(),
            })
            .collect(),
        issuer: evidence
            .certificate_authority()
            .map(|it| (it.name().to_owned(), it.root().to_owned())),
        times,
        checks: evidence
            .checks()
            .iter()
            .map(attest_verify::Check::code)
            .collect(),
        steps: steps::of_evidence(evidence),
        skipped: evidence.skipped().iter().map(ToString::to_string).collect(),
        build: policy.build_of(evidence),
        summary: policy.summary_of(evidence),
    }
}

fn times(evidence: &Evidence, declared: &dyn Fn(&str) -> bool) -> Vec<TimeLine> {
    evidence
        .times()
        .iter()
        .map(|time| TimeLine {
            time: time.time().to_string(),
            authority: time.authority().to_owned(),
            asserted_by: keeper(
                declared(time.authority()) || time.authority_uri().is_some_and(declared),
                time.authority_uri().map_or(time.authority(), host),
            ),
            root: time.root().to_owned(),
        })
        .collect()
}

/// The host of a URL.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', ':']).next().unwrap_or(rest)
}

/// Who keeps a log or a clock, as far as the verifier can say. A name below `.invalid` (RFC 2606)
/// belongs to nobody but the signer who made it up.
fn keeper(declared: bool, id: &str) -> &'static str {
    if declared {
        "independent, as declared"
    } else if id.ends_with(".invalid") {
        "signer"
    } else {
        "independence not declared"
    }
}
