//! Evidence, put together from what the steps proved.

use crate::bundle::Bundle;
use crate::check::Check;
use crate::dialect::Dialect;
use crate::engine;
use crate::evidence::{Evidence, ProvenAuthority, ProvenLog, ProvenTime, Skipped, TimeSource};
use crate::inclusion::Logged;
use crate::signature::{Subject, Verified};
use crate::signer::Signer;
use crate::stamp::TimestampProof;
use crate::transparency::Seen;

/// What is proven of a certificate.
pub(super) struct Certified {
    pub(super) authority: ProvenAuthority,
    pub(super) seen: Seen,
}

impl Certified {
    fn checks(&self) -> Vec<Check> {
        let chain = Check::new(
            "chain",
            &self.authority.name,
            "an authority of a trusted root",
        );
        let seen = self.seen.logs.iter().map(|(log, time)| {
            let found = format!("{time} by {log}");
            Check::new("transparency", found, "a trusted certificate log")
        });
        std::iter::once(chain).chain(seen).collect()
    }
}

/// What steps 5 to 13 proved, and what they left out.
pub(super) struct Proven {
    pub(super) logged: Logged,
    pub(super) times: Vec<ProvenTime>,
    pub(super) timestamps: Vec<TimestampProof>,
    pub(super) certified: Option<Certified>,
    pub(super) skipped: Vec<Skipped>,
}

pub(super) fn evidence(
    bundle: &Bundle,
    signer: Signer,
    verified: Verified,
    proven: Proven,
    subject: Option<&Subject<'_>>,
) -> Evidence {
    let Proven {
        logged,
        times,
        timestamps,
        certified,
        skipped,
    } = proven;
    let bound = subject.and(verified.bound);
    let mut checks = signature_checks(bundle, &signer, &verified);
    checks.extend(bound.map(|it| Check::new("subject", it, it)));
    checks.extend(logged.logs.iter().flat_map(log_checks));
    checks.extend(time_checks(&times));
    checks.extend(certified.iter().flat_map(Certified::checks));
    let is_engine = |it: &Skipped| matches!(it, Skipped::Engine { .. });
    if !skipped.iter().any(is_engine) {
        checks.push(Check::new("engine", "accepted", engine::WANTED));
    }
    Evidence {
        signature: bundle.signature().to_owned(),
        signer: signer.identity,
        keys: vec![signer.key.numbers()],
        key: Some(signer.key),
        claims: signer.claims,
        content: verified.content,
        times,
        timestamps,
        logs: logged.logs,
        authority: certified.map(|it| it.authority),
        checks,
        skipped,
    }
}

fn signature_checks(bundle: &Bundle, signer: &Signer, verified: &Verified) -> Vec<Check> {
    let form = match bundle.dialect() {
        Dialect::Bundle => format!("version {}", bundle.version()),
        other => other.to_string(),
    };
    let signature = format!("{} over {}", signer.key.kind(), verified.digest);
    vec![
        Check::new("bundle", form, "a form of evidence that is read"),
        Check::new("signer", &signer.identity, &signer.identity),
        Check::new("signature", signature, &signer.identity),
    ]
}

fn log_checks(log: &ProvenLog) -> Vec<Check> {
    let found = format!("entry {} of {}", log.index, log.origin);
    let mut checks = vec![Check::new("entry", found, "an entry about this signature")];
    if let Some(size) = log.tree_size {
        let found = format!("{size} leaves, signed by {}", log.origin);
        checks.push(Check::new("checkpoint", found, &log.origin));
        let found = format!("leaf {} of {size}", log.index);
        checks.push(Check::new("inclusion", found, "the checkpoint's root"));
    }
    checks
}

fn time_checks(times: &[ProvenTime]) -> Vec<Check> {
    let check = |time: &ProvenTime| {
        let step = match time.source {
            TimeSource::Timestamp => "time",
            TimeSource::Promise => "promise",
        };
        let found = format!("{} by {}", time.time, time.authority);
        Check::new(step, found, "a trusted time")
    };
    let mut checks: Vec<Check> = times.iter().map(check).collect();
    if !times.is_empty() {
        let plural = if times.len() == 1 { "" } else { "s" };
        let found = format!("{} proven time{plural}", times.len());
        let wanted = "keys and certificates valid at them";
        checks.push(Check::new("validity", found, wanted));
    }
    checks
}
