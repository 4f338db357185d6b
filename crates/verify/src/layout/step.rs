//! One step: who did it, and what all of them say about it.

use std::collections::{BTreeMap, BTreeSet};

use attest_provenance::in_toto::{
    KeyFlavour, Link, Metablock, MetablockSignature, Parameters, Step,
};

use super::certificate::Authorities;
use super::chain::{self, Chain, ProvenSigner, ProvenStep};
use super::key::LayoutKey;
use super::links::{Candidate, LinkFolder, candidates};
use super::signed::{Budget, ChainOptions, LayoutRefusal, SignedLayout};
use crate::check::Check;
use crate::limits;

/// A link that somebody who may do the step has signed, or the summary of a sublayout.
struct Valid {
    file: String,
    signers: Vec<ProvenSigner>,
    link: Link,
    sublayout: Option<Chain>,
}

pub(super) fn prove(
    signed: &SignedLayout,
    step: &Step,
    folder: &dyn LinkFolder,
    below: &[String],
    options: ChainOptions,
    budget: &mut Budget,
) -> Result<ProvenStep, LayoutRefusal> {
    let allowed = Allowed::of(signed, step)?;
    let mut valid = Vec::new();
    let mut skipped = Vec::new();
    for candidate in candidates(&step.name, below, folder, budget)? {
        match one(signed, step, &allowed, candidate, budget)? {
            Found::Valid(block, file, signers) => {
                valid.push(read(
                    signed, step, block, file, signers, folder, below, options, budget,
                )?);
            }
            Found::Skipped(check) => skipped.push(check),
        }
    }
    enough(step, &valid, &mut skipped)?;
    agree(step, &valid)?;
    let mut notes = Vec::new();
    for one in &valid {
        check_return(step, &one.link, options, &mut notes)?;
        check_command(step, one, options, &mut notes)?;
    }
    let signers = valid.iter().flat_map(|it| it.signers.clone()).collect();
    let files = valid.iter().map(|it| it.file.clone()).collect();
    let layouts = valid.iter().map(|it| it.sublayout.is_some()).collect();
    let mut valid = valid.into_iter();
    let first = valid.next().ok_or_else(|| missing(step))?;
    let sublayouts = first.sublayout.into_iter();
    Ok(ProvenStep {
        name: step.name.clone(),
        threshold: step.threshold,
        signers,
        files,
        layouts,
        link: first.link,
        sublayouts: sublayouts
            .chain(valid.filter_map(|it| it.sublayout))
            .collect(),
        skipped,
        notes,
    })
}

/// Who may do a step.
struct Allowed<'a> {
    keys: Vec<(&'a str, &'a LayoutKey)>,
    authorities: Option<Authorities<'a>>,
}

impl<'a> Allowed<'a> {
    fn of(signed: &'a SignedLayout, step: &'a Step) -> Result<Self, Check> {
        let named = |id: &&(String, LayoutKey)| step.keys.iter().any(|it| it.as_str() == id.0);
        let keys = signed.keys.iter().filter(named);
        let authorities = (!step.certificates.is_empty())
            .then(|| Authorities::of(signed, step))
            .transpose()?;
        Ok(Self {
            keys: keys.map(|(id, key)| (id.as_str(), key)).collect(),
            authorities,
        })
    }

    /// Whether a file of that name would be one of theirs, whoever gave the ids.
    fn expects(&self, short: &str) -> bool {
        self.keys.iter().any(|(id, key)| {
            let claimed = key.to_claimed();
            id.starts_with(short)
                || claimed.keyid(KeyFlavour::Reference).short() == short
                || claimed.keyid(KeyFlavour::Golang).short() == short
        })
    }
}

enum Found {
    Valid(Metablock, String, Vec<ProvenSigner>),
    Skipped(Check),
}

fn one(
    signed: &SignedLayout,
    step: &Step,
    allowed: &Allowed<'_>,
    candidate: Candidate,
    budget: &mut Budget,
) -> Result<Found, Check> {
    let Candidate { name, short, block } = candidate;
    let block = match block {
        Ok(block) => block,
        // One that is called after a functionary is evidence; any other is somebody's litter.
        Err(error) if allowed.expects(&short) => {
            return Err(Check::new(
                error.code(),
                format!("{name}: {error}"),
                "a link",
            ));
        }
        Err(error) => {
            let found = format!("{name}: {error}");
            return Ok(Found::Skipped(Check::new(error.code(), found, "a link")));
        }
    };
    if block.signatures().len() > limits::LINK_SIGNATURES {
        let found = format!("{name}: {} signatures", block.signatures().len());
        let wanted = format!("at most {}", limits::LINK_SIGNATURES);
        return Err(Check::new("layout-too-costly", found, wanted));
    }
    let mut signers: BTreeMap<[u8; 32], ProvenSigner> = BTreeMap::new();
    for signature in block.signatures() {
        if let Some(signer) = by_key(allowed, &block, signature, budget)? {
            signers.insert(signer.fingerprint, signer);
        } else if let Some(authorities) = &allowed.authorities {
            let found = authorities.signer(step, &block, signature, signed.now, budget)?;
            signers.extend(found.map(|it| (it.fingerprint, it)));
        }
    }
    signers.retain(|fingerprint, _| !signed.denied.contains(fingerprint));
    if signers.is_empty() {
        let found = format!("{name}: signed by nobody who may do step {}", step.name);
        return Ok(Found::Skipped(Check::new(
            "link-threshold",
            found,
            "one of the step's keys",
        )));
    }
    Ok(Found::Valid(block, name, signers.into_values().collect()))
}

/// Every key of the step is tried, the one that the signature hints at first.
fn by_key(
    allowed: &Allowed<'_>,
    block: &Metablock,
    signature: &MetablockSignature,
    budget: &mut Budget,
) -> Result<Option<ProvenSigner>, Check> {
    let hint = signature.keyid.as_deref();
    let (hinted, others): (Vec<_>, Vec<_>) =
        allowed.keys.iter().partition(|(id, _)| Some(*id) == hint);
    for (_, key) in hinted.into_iter().chain(others) {
        budget.take_check()?;
        if key.verifies(block.bytes_to_sign(), &signature.sig) {
            return Ok(Some(ProvenSigner {
                fingerprint: key.fingerprint(),
                key: (*key).clone(),
                certificate: None,
                names: BTreeSet::new(),
            }));
        }
    }
    Ok(None)
}

#[expect(
    clippy::too_many_arguments,
    reason = "the way of one file through a step"
)]
fn read(
    signed: &SignedLayout,
    step: &Step,
    block: Metablock,
    file: String,
    signers: Vec<ProvenSigner>,
    folder: &dyn LinkFolder,
    below: &[String],
    options: ChainOptions,
    budget: &mut Budget,
) -> Result<Valid, LayoutRefusal> {
    if block.unverified_type() == "layout" {
        let (link, chain) = sublayout(
            signed, step, &block, &file, &signers, folder, below, options, budget,
        )?;
        return Ok(Valid {
            file,
            signers,
            link,
            sublayout: Some(chain),
        });
    }
    let link = Link::from_json(block.into_unverified_signed()).map_err(|error| {
        Check::new(
            error.code(),
            format!("{file}: {error}"),
            "a link of one meaning",
        )
    })?;
    if link.name != step.name {
        let found = format!("{file}: a link of step {}", link.name);
        return Err(Check::new("link-step-mismatch", found, &step.name).into());
    }
    Ok(Valid {
        file,
        signers,
        link,
        sublayout: None,
    })
}

/// A functionary's own layout: proven by the same rules, in the folder that is called after its file.
#[expect(
    clippy::too_many_arguments,
    reason = "the way of one file through a step"
)]
fn sublayout(
    signed: &SignedLayout,
    step: &Step,
    block: &Metablock,
    file: &str,
    signers: &[ProvenSigner],
    folder: &dyn LinkFolder,
    below: &[String],
    options: ChainOptions,
    budget: &mut Budget,
) -> Result<(Link, Chain), LayoutRefusal> {
    if below.len() >= limits::SUBLAYOUTS {
        let wanted = format!("at most {} inside each other", limits::SUBLAYOUTS);
        return Err(Check::new("sublayout-too-deep", file, wanted).into());
    }
    let keys: Vec<LayoutKey> = signers.iter().map(|it| it.key.clone()).collect();
    let inner = SignedLayout::verify(block, &keys, &Parameters::new(), signed.now);
    let inner = inner.map_err(LayoutRefusal::Rejected)?;
    let inner = inner.denying(signed.denied.clone(), signed.denied_identities.clone());
    if let Some(inspection) = inner.layout.inspections.first() {
        let found = format!("{file}: inspection {}", inspection.name);
        return Err(Check::new("sublayout-inspection", found, "a sublayout without any").into());
    }
    let mut inside = below.to_vec();
    inside.push(file.strip_suffix(".link").unwrap_or(file).to_owned());
    let chain = chain::prove(&inner, folder, &inside, options, budget)?;
    let mut link = Link::new(step.name.clone());
    if let (Some(first), Some(last)) = (chain.steps.first(), chain.steps.last()) {
        link.materials = first.link.materials.clone();
        link.products = last.link.products.clone();
        link.command.clone_from(&last.link.command);
    }
    Ok((link, chain))
}

fn enough(step: &Step, valid: &[Valid], skipped: &mut Vec<Check>) -> Result<(), LayoutRefusal> {
    let different = functionaries(valid.iter().flat_map(|it| &it.signers));
    if different >= step.threshold {
        return Ok(());
    }
    if valid.is_empty() && skipped.is_empty() {
        return Err(missing(step).into());
    }
    let found = format!(
        "step {}: {different} different keys or certificate holders",
        step.name
    );
    let wanted = format!("{} of those that the step allows", step.threshold);
    let mut checks = vec![Check::new("link-threshold", found, wanted)];
    checks.append(skipped);
    Err(LayoutRefusal::Rejected(crate::check::Rejection::of(checks)))
}

/// How many different ones they are: one key is one, under whatever names, and so are certificates with a name in
/// common, of however many keys.
fn functionaries<'s>(signers: impl Iterator<Item = &'s ProvenSigner>) -> usize {
    let mut known: Vec<(BTreeSet<[u8; 32]>, BTreeSet<&str>)> = Vec::new();
    for signer in signers {
        let mut one = (BTreeSet::from([signer.fingerprint]), BTreeSet::new());
        one.1.extend(signer.names.iter().map(String::as_str));
        known.retain(|(keys, names)| {
            let is_same = !keys.is_disjoint(&one.0) || !names.is_disjoint(&one.1);
            if is_same {
                one.0.extend(keys);
                one.1.extend(names);
            }
            !is_same
        });
        known.push(one);
    }
    known.len()
}

fn missing(step: &Step) -> Check {
    let found = format!("no file {}.????????.link", step.name);
    Check::new(
        "link-missing",
        found,
        format!("a link of step {}", step.name),
    )
}

/// All valid links report the same files, also those beyond the threshold.
fn agree(step: &Step, valid: &[Valid]) -> Result<(), Check> {
    let Some((first, others)) = valid.split_first() else {
        return Ok(());
    };
    for other in others {
        let same = first.link.materials == other.link.materials
            && first.link.products == other.link.products;
        if !same {
            let found = format!("{} and {} report different files", first.file, other.file);
            let wanted = format!("one account of step {}", step.name);
            return Err(Check::new("links-disagree", found, wanted));
        }
    }
    Ok(())
}

fn check_return(
    step: &Step,
    link: &Link,
    options: ChainOptions,
    notes: &mut Vec<Check>,
) -> Result<(), Check> {
    let Some(returned) = link.byproducts.get("return-value") else {
        return Ok(());
    };
    if returned.as_i64() == Some(0) {
        return Ok(());
    }
    let found = format!("step {} returned {returned}", step.name);
    let check = Check::new("step-failed", found, "0");
    if !options.allow_failed_steps {
        return Err(check);
    }
    notes.push(check);
    Ok(())
}

fn check_command(
    step: &Step,
    one: &Valid,
    options: ChainOptions,
    notes: &mut Vec<Check>,
) -> Result<(), Check> {
    if step.command.is_empty() || one.sublayout.is_some() || step.command == one.link.command {
        return Ok(());
    }
    let found = format!("{}: {}", one.file, one.link.command.join(" "));
    let check = Check::new("command-differs", found, step.command.join(" "));
    if options.strict_commands {
        return Err(check);
    }
    notes.push(check);
    Ok(())
}
