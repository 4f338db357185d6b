//! `attest provenance layout verify`: the chain of links, and nothing but it.

use std::path::PathBuf;

use attest_verify::layout::{Chain, LayoutRefusal, ProvenStep};
use attest_verify::{Check, Rejection};
use clap::Args;
use serde_json::{Value, json};

use super::{FolderOfLinks, Request, inspections};
use crate::args::{ChainArgs, Global};
use crate::clock::Now;
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure};

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// The layout, signed; with its own digest, this one and no other that its owner has signed
    #[arg(value_name = "LAYOUT[@sha256:HEX]")]
    layout: PathBuf,
    #[command(flatten)]
    chain: ChainArgs,
    /// With --run-inspections: the folder of products, a copy of which inspections run in
    #[arg(long, value_name = "DIR", requires = "run_inspections")]
    products: Option<PathBuf>,
}

pub(super) fn run(args: &VerifyArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    let now = global.now()?;
    let request = Request::resolve(&args.layout, &args.chain, &[], now.time)?;
    let inspected = !request.layout.layout().inspections.is_empty();
    if inspected && args.products.is_none() {
        let message = "inspections need files to run on, and no folder of products is given";
        return Err(Failure::request("bad-arguments", message).hint("name it with --products"));
    }
    let folder = FolderOfLinks::at(&request.links);
    let judged = request.layout.prove(&folder, request.options);
    let judged = match (judged, &args.products) {
        (Ok(mut chain), Some(products)) if inspected => {
            let timeout = args.chain.inspection_timeout;
            let runs = inspections::run(request.layout.layout(), products, timeout)?;
            let inspected = chain.inspect(&request.layout, runs);
            inspected.map(|()| chain).map_err(LayoutRefusal::Rejected)
        }
        (judged, _) => judged,
    };
    let place = request.file.0.display().to_string();
    match judged {
        Ok(chain) => Ok(accepted(&place, &request, &chain, now, console)),
        Err(LayoutRefusal::Rejected(rejection)) => Ok(rejected(&place, &rejection, now, console)),
        Err(LayoutRefusal::Unreadable(error)) => Err(Failure::unknown("links-unreadable", error)),
        Err(_) => Err(Failure::unknown("links-unreadable", "links")),
    }
}

fn accepted(place: &str, request: &Request, chain: &Chain, now: Now, console: &Console) -> Exit {
    let layout = request.layout.layout();
    let expires = layout.expires.as_str();
    if console.is_json() {
        let keys = request.keys.iter().map(|(place, pin, pinned)| {
            json!({ "place": place, "sha256": hex::encode(pin), "pinned": pinned })
        });
        let inspections = layout.inspections.iter().map(|it| it.name.as_str());
        let proven = json!({
            "expires": expires,
            "layout_sha256": request.file.1.hex(),
            "layout_keys": keys.collect::<Vec<_>>(),
            "steps": chain.steps().iter().map(step).collect::<Vec<_>>(),
            "inspections": inspections.collect::<Vec<_>>(),
            "notes": chain.notes().map(check).collect::<Vec<_>>(),
        });
        let object = object(place, Exit::Yes, now, &[], &proven);
        console.json(&object);
        return Exit::Yes;
    }
    for (key, pin, _) in &request.keys {
        let pin = hex::encode(pin);
        console.say(format!(
            "layout     {} signed by {}, sha256:{pin}, until {expires}",
            escape(place),
            escape(key)
        ));
    }
    for line in lines(chain) {
        console.say(line);
    }
    console.say(format!(
        "verified   {} steps, as links alone: {NOT_CHECKED}",
        chain.steps().len()
    ));
    Exit::Yes
}

fn rejected(place: &str, rejection: &Rejection, now: Now, console: &Console) -> Exit {
    if console.is_json() {
        let object = object(place, Exit::No, now, rejection.checks(), &Value::Null);
        console.json(&object);
        return Exit::No;
    }
    for check in rejection.checks() {
        let (found, wanted) = (escape(check.found()), escape(check.wanted()));
        console.say(format!(
            "rejected   {}: found {found}, wanted {wanted}",
            check.code()
        ));
    }
    Exit::No
}

fn object(place: &str, exit: Exit, now: Now, reasons: &[Check], proven: &Value) -> Value {
    json!({
        "version": 1,
        "command": "provenance layout verify",
        "answer": exit.word(),
        "exit": exit.number(),
        "at": { "time": now.time.to_string(), "source": if now.given { "--at" } else { "clock" } },
        "layout": place,
        "proven": proven,
        "reasons": reasons.iter().map(check).collect::<Vec<_>>(),
        "not_checked": [NOT_CHECKED],
    })
}

fn step(step: &ProvenStep) -> Value {
    let signers = step.signers().iter().map(|it| {
        json!({ "key": format!("sha256:{}", hex::encode(it.fingerprint())), "certificate": it.certificate() })
    });
    json!({
        "name": step.name().as_str(),
        "threshold": step.threshold(),
        "signers": signers.collect::<Vec<_>>(),
        "links": step.files(),
        "materials": step.link().materials.len(),
        "products": step.link().products.len(),
        "command": step.link().command,
        "sublayouts": step.sublayouts().iter().map(|chain| {
            chain.steps().iter().map(self::step).collect::<Vec<_>>()
        }).collect::<Vec<_>>(),
    })
}

fn check(check: &Check) -> Value {
    json!({ "code": check.code(), "found": check.found(), "wanted": check.wanted() })
}

/// A chain in lines for people.
pub(crate) fn lines(chain: &Chain) -> Vec<String> {
    let mut lines = Vec::new();
    for step in chain.steps() {
        let signers = step.signers().iter().map(|it| match it.certificate() {
            Some(name) => format!("{} by certificate", escape(name)),
            None => format!("sha256:{}", hex::encode(it.fingerprint())),
        });
        let signers: Vec<String> = signers.collect();
        lines.push(format!(
            "step       {}: {} wanted, signed by {}; {} materials, {} products",
            step.name(),
            step.threshold(),
            signers.join(", "),
            step.link().materials.len(),
            step.link().products.len()
        ));
        for inner in step.sublayouts() {
            lines.extend(
                self::lines(inner)
                    .into_iter()
                    .map(|line| format!("  {line}")),
            );
        }
    }
    for note in chain.notes() {
        let (found, wanted) = (escape(note.found()), escape(note.wanted()));
        lines.push(format!(
            "note       {}: found {found}, wanted {wanted}",
            note.code()
        ));
    }
    lines
}

const NOT_CHECKED: &str = "no file at hand was compared with them";
