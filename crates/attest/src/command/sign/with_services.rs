//! `attest sign` with services that others run: for an identity, or with a key that a public log sees.

use attest_digest::Algorithm;
use attest_sign::{ArtifactKey, NoDrafts, Signed, Unsigned};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::request::{Planned, Request};
use super::{SignArgs, read_all, refuse_second_release, write_all};
use crate::args::Global;
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure};
use crate::identity::token;
use crate::services::{self, DraftFolder, Services, Tokens, Who};

pub(super) fn run(args: &SignArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    refuse_two_signers(args)?;
    let request = Request::resolve(args)?;
    let mut desk = Desk::open(args, global, console)?;
    let artifacts = read_all(&request, desk.digest_algorithm())?;
    let planned = request.plan(&artifacts)?;
    refuse_second_release(&planned, &args.home.home())?;
    let unsigned: Vec<Unsigned<'_>> = planned.iter().map(Planned::unsigned).collect();
    let place = |position: usize| {
        let planned = planned.get(position);
        planned
            .map(|it| format!("{}: ", it.shown()))
            .unwrap_or_default()
    };
    let (bundles, certificates) = desk.sign(&unsigned, place)?;
    write_all(&request, &planned, &bundles)?;
    desk.done();
    if console.is_json() {
        console.json(&report(&planned, &bundles, certificates));
    } else {
        say(console, &planned, &bundles);
    }
    Ok(Exit::Yes)
}

/// A key signs, or whom a certificate names.
pub(super) fn refuse_two_signers(args: &SignArgs) -> Result<(), Failure> {
    if args.services.is_keyless() && args.key.is_some() {
        return Err(Failure::request(
            "bad-arguments",
            "--key signs with a key, --identity-token, --keyless and --oidc-issuer without one",
        ));
    }
    Ok(())
}

/// The services at hand, and who signs with them.
pub(super) struct Desk {
    services: Services,
    signer: Signer,
    /// In the home, if there is one: then a run that a service stopped goes on.
    drafts: Option<DraftFolder>,
}

enum Signer {
    Identity(Box<Tokens>),
    Key(ArtifactKey),
}

impl Desk {
    pub(super) fn open(
        args: &SignArgs,
        global: &Global,
        console: &Console,
    ) -> Result<Self, Failure> {
        if let Some(note) = token::caution(args.key.as_deref()) {
            console.note(note);
        }
        let services = Services::resolve(&args.services, global.now()?.time)?;
        let signer = if args.services.is_keyless() {
            let tokens = Tokens::open(&args.services, services.now(), console)?;
            Signer::Identity(Box::new(tokens))
        } else {
            Signer::Key(services::key(args.key.as_deref(), &args.home)?)
        };
        let home = args.home.home();
        let drafts = home.exists().then(|| DraftFolder::new(home.sign_drafts()));
        Ok(Self {
            services,
            signer,
            drafts,
        })
    }

    /// Certificates are for P-256 keys.
    fn digest_algorithm(&self) -> Algorithm {
        match &self.signer {
            Signer::Identity(_) => Algorithm::Sha256,
            Signer::Key(key) => key.digest_algorithm(),
        }
    }

    /// Bundles of all of these, and how many certificates were asked for.
    pub(super) fn sign(
        &mut self,
        unsigned: &[Unsigned<'_>],
        place: impl Fn(usize) -> String,
    ) -> Result<(Vec<Signed>, usize), Failure> {
        let verifier = self.services.verifier()?;
        let who = match &mut self.signer {
            Signer::Identity(tokens) => Who::Identity(tokens),
            Signer::Key(key) => Who::Key(key),
        };
        let services = &self.services;
        let Some(drafts) = &mut self.drafts else {
            return services.sign(who, unsigned, &verifier, &mut NoDrafts, place);
        };
        let signed = services.sign(who, unsigned, &verifier, drafts, place);
        signed.map_err(|failure| match failure.exit {
            Exit::Unknown => failure.hint(GO_ON),
            _ => failure,
        })
    }

    /// What was signed lies where it belongs.
    pub(super) fn done(self) {
        if let Some(drafts) = self.drafts {
            drafts.done();
        }
    }

    /// What time it is.
    pub(super) fn now(&self) -> Timestamp {
        self.services.now()
    }
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
        say_proofs(console, bundle);
    }
}

/// Who else has seen a signature, and when.
pub(super) fn say_proofs(console: &Console, bundle: &Signed) {
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

pub(super) fn logs(bundle: &Signed) -> Value {
    let logs = bundle.evidence().logs().iter();
    logs.map(|it| json!({"origin": it.origin(), "index": it.index()}))
        .collect()
}

pub(super) fn times(bundle: &Signed) -> Value {
    let times = bundle.evidence().times().iter();
    times
        .map(|it| json!({"time": it.time().to_string(), "authority": it.authority()}))
        .collect()
}

const GO_ON: &str = "nothing was written; what is signed is kept in the home, and the same command goes on from there when the service answers";
