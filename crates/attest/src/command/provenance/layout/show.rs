//! `attest provenance layout show`: what a layout asks for, in sentences.

use std::path::PathBuf;

use attest_provenance::in_toto::{ArtifactKind, KeyId, Layout, Parameters, Rule, Step};
use clap::Args;
use serde_json::json;

use crate::console::{Console, escape};
use crate::failure::{Exit, Failure};

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The layout, signed or not
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(super) fn run(args: &ShowArgs, console: &Console) -> Result<Exit, Failure> {
    let block = super::read(&args.file)?;
    let signatures = block.signatures().len();
    let layout = Layout::from_json(block.into_unverified_signed())
        .map_err(|error| super::refused(&args.file, &error))?;
    match layout.clone().with_parameters(&Parameters::new()) {
        Err(error) if error.code() != "layout-parameter-missing" => {
            return Err(super::refused(&args.file, &error));
        }
        _ => {}
    }
    let lines = lines(&layout, signatures);
    if console.is_json() {
        console.json(&json!({
            "version": 1, "command": "provenance layout show", "answer": Exit::Yes.word(), "exit": 0,
            "file": args.file.display().to_string(), "proven": false, "sentences": lines,
        }));
        return Ok(Exit::Yes);
    }
    for line in lines {
        console.say(escape(&line));
    }
    Ok(Exit::Yes)
}

fn lines(layout: &Layout, signatures: usize) -> Vec<String> {
    let mut lines = vec![format!(
        "A layout that may be used until {}. It carries {signatures} signatures; whose is not proven here.",
        layout.expires.as_str()
    )];
    if !layout.readme.is_empty() {
        lines.push(format!("Its owner says: {}", layout.readme));
    }
    for (index, step) in layout.steps.iter().enumerate() {
        lines.extend(step_lines(index + 1, step));
    }
    for inspection in &layout.inspections {
        let command = inspection.run.join(" ");
        lines.push(format!(
            "Inspection {}: whoever verifies runs `{command}`, only with --run-inspections.",
            inspection.name
        ));
        lines.extend(rules(ArtifactKind::Materials, &inspection.materials));
        lines.extend(rules(ArtifactKind::Products, &inspection.products));
    }
    lines
}

fn step_lines(number: usize, step: &Step) -> Vec<String> {
    let keys: Vec<&str> = step.keys.iter().map(KeyId::short).collect();
    let mut who = match keys.len() {
        0 => "nobody by a key".to_owned(),
        1 => format!("key {}", keys.concat()),
        _ => format!(
            "{} different ones of the keys {}",
            step.threshold,
            keys.join(", ")
        ),
    };
    if !step.certificates.is_empty() {
        who.push_str(", or certificates that fit its constraints");
    }
    let mut lines = vec![format!("Step {number}, {}: done by {who}.", step.name)];
    if !step.command.is_empty() {
        lines.push(format!(
            "  It is expected to run `{}`.",
            step.command.join(" ")
        ));
    }
    lines.extend(rules(ArtifactKind::Materials, &step.materials));
    lines.extend(rules(ArtifactKind::Products, &step.products));
    lines
}

fn rules(kind: ArtifactKind, rules: &[Vec<String>]) -> Vec<String> {
    let mut lines: Vec<String> = rules
        .iter()
        .map(|words| {
            let said = Rule::parse(words).map_or_else(|_| words.join(" "), |rule| sentence(&rule));
            format!("  {kind}: {said}.")
        })
        .collect();
    let catches_all = |words: &Vec<String>| words.iter().map(String::as_str).eq(["DISALLOW", "*"]);
    if !rules.iter().any(catches_all) {
        lines.push(format!("  {kind}: whatever no rule is about may be there."));
    }
    lines
}

fn sentence(rule: &Rule) -> String {
    match rule {
        Rule::Create(pattern) => format!("{pattern} may be made by this step"),
        Rule::Delete(pattern) => format!("{pattern} may be deleted by this step"),
        Rule::Modify(pattern) => format!("{pattern} may be changed by this step"),
        Rule::Allow(pattern) => format!("{pattern} may be there"),
        Rule::Disallow(pattern) => format!("no other {pattern} may be there"),
        Rule::Require(path) => format!("{path} must be there"),
        Rule::Match {
            pattern,
            source,
            kind,
            destination,
            step,
        } => {
            let here = source
                .as_ref()
                .map_or(String::new(), |it| format!(" below {it}"));
            let there = destination
                .as_ref()
                .map_or(String::new(), |it| format!(" below {it}"));
            format!("{pattern}{here} may be there as the {kind} of {step}{there} have it")
        }
    }
}
