//! `attest sign` with services that others run: for an identity, or with a key that a public log sees.

use attest_digest::Algorithm;
use attest_sign::{ArtifactKey, Signed, Unsigned};
use serde_json::{Value, json};

use super::request::{Planned, Request};
use super::{SignArgs, read_all, write_all};
use crate::args::Global;
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure};
use crate::identity::token;
use crate::services::{self, Services, Tokens, Who};

pub(super) fn run(args: &SignArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    if args.services.is_keyless() && args.key.is_some() {
        return Err(Failure::request(
            "bad-arguments",
            "--key signs with a key, --identity-token, --keyless and --oidc-issuer without one",
        ));
    }
    let request = Request::resolve(args)?;
    if let Some(note) = token::caution(args.key.as_deref()) {
        console.note(note);
    }
    let now = global.now()?.time;
    let services = Services::resolve(&args.services, now)?;
    let (mut tokens, key) = if args.services.is_keyless() {
        let tokens = Tokens::open(&args.services, services.now(), console)?;
        (Some(tokens), None)
    } else {
        (None, Some(services::key(args.key.as_deref(), &args.home)?))
    };
    let algorithm = key.as_ref().map(ArtifactKey::digest_algorithm);
    let artifacts = read_all(&request, algorithm.unwrap_or(Algorithm::Sha256))?;
    let planned = request.plan(&artifacts)?;
    let verifier = services.verifier()?;
    let unsigned: Vec<Unsigned<'_>> = planned.iter().map(Planned::unsigned).collect();
    let who = match (&mut tokens, &key) {
        (Some(tokens), _) => Who::Identity(tokens),
        (None, Some(key)) => Who::Key(key),
        (None, None) => return Err(Failure::unknown("internal-error", "nobody signs")),
    };
    let place = |position: usize| {
        let planned = planned.get(position);
        planned
            .map(|it| format!("{}: ", it.shown()))
            .unwrap_or_default()
    };
    let (bundles, certificates) = services.sign(who, &unsigned, &verifier, place)?;
    write_all(&request, &planned, &bundles)?;
    if console.is_json() {
        console.json(&report(&planned, &bundles, certificates));
    } else {
        say(console, &planned, &bundles);
    }
    Ok(Exit::Yes)
}

fn say(console: &Console, planned: &[Planned], bundles: &[Signed]) {
    if let Some(first) = bundles.first() {
        let signer = first.evidence().signer().to_string();
        console.say(format!("signer     {}", escape(&signer)));
    }
    for (one, bundle) in planned.iter().zip(bundles) {
        for output in one.outputs() {
            console.say(format!("signed     {}", output.display()));
        }
        for log in bundle.evidence().logs() {
            console.say(format!(
                "logged     {}, entry {}",
                escape(log.origin()),
                log.index()
            ));
        }
        for time in bundle.evidence().times() {
            console.say(format!(
                "time       {}, by {}",
                time.time(),
                escape(time.authority())
            ));
        }
    }
}

fn report(planned: &[Planned], bundles: &[Signed], certificates: usize) -> Value {
    let signer = bundles.first().map(|it| it.evidence().signer().to_string());
    let bundles: Vec<Value> = planned
        .iter()
        .zip(bundles)
        .flat_map(|(one, bundle)| {
            let (logs, times) = (logs(bundle), times(bundle));
            one.reports(bundle.log_index()).map(move |mut report| {
                if let Some(fields) = report.as_object_mut() {
                    fields.insert("logs".to_owned(), logs.clone());
                    fields.insert("times".to_owned(), times.clone());
                }
                report
            })
        })
        .collect();
    json!({
        "version": 1,
        "command": "sign",
        "answer": Exit::Yes.word(),
        "exit": Exit::Yes.number(),
        "signer": signer,
        "certificates": certificates,
        "bundles": bundles,
    })
}

fn logs(bundle: &Signed) -> Value {
    let logs = bundle.evidence().logs().iter();
    logs.map(|it| json!({"origin": it.origin(), "index": it.index()}))
        .collect()
}

fn times(bundle: &Signed) -> Value {
    let times = bundle.evidence().times().iter();
    times
        .map(|it| json!({"time": it.time().to_string(), "authority": it.authority()}))
        .collect()
}
