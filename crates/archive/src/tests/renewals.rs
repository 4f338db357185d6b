//! Renewals in an archive: kept for all releases or for none.

use attest_digest::Algorithm;

use super::*;
use crate::renewal::tests::scene::{authority, renew as stamped, time, trusting};
use crate::renewal::{Proofs, Subject, Target, attachment_of};
use crate::{AttachmentInput, Reader};

/// Renews every release of an archive by one timestamp of an authority that nobody will know again.
pub(super) fn renew(archive: &Path) -> Result<(), ArchiveError> {
    let authority = authority("a", 2020, 2036);
    let mut store = Store::open(archive)?;
    let reader = store.reader();
    let names: Vec<ReleaseName> = reader.list().into_iter().map(|it| it.name).collect();
    let checked = reader.check_releases(&names, Hashes::Sha256AndSha512)?;
    let target = |name: &ReleaseName| {
        let release = reader.find(name).unwrap().unwrap();
        let covered = reader.covered(&release, &checked.observed, &[]).unwrap();
        Target::new(covered.to_bytes())
    };
    let targets = names.iter().map(target).collect();
    let records: Vec<(Vec<u8>, Vec<u8>)> =
        stamped(targets, Algorithm::Sha256, &authority, "2026-01-01")
            .into_iter()
            .map(|(document, record)| (document, record.to_der().unwrap()))
            .collect();
    let inputs: Vec<AttachmentInput<'_>> = names
        .iter()
        .zip(&records)
        .map(|(name, (document, record))| {
            attachment_of(name, time("2026-01-01"), document, record).unwrap()
        })
        .collect();
    store.attach_all(&inputs).map(drop)
}

/// Both releases are renewed, or none is; and the next run renews both.
pub(super) fn judge(bench: &Bench, confirmed: bool) {
    let found = renewals(bench);
    assert!(
        found == [1, 1] || (found == [0, 0] && !confirmed),
        "{found:?}"
    );
    renew(&bench.path()).unwrap();
    assert_eq!(renewals(bench), found.map(|it| it + 1));
    let report = Reader::open(&bench.path())
        .unwrap()
        .check(Hashes::Sha256)
        .unwrap();
    assert!(report.is_sound());
    // Another timestamp makes other bytes: of a run that died, blobs can be left that nobody names.
    assert!(report.notes.iter().all(|it| it.code() == "blob-extra"));
}

/// How many renewals each of the two releases has; all of them are whole, and about their release.
fn renewals(bench: &Bench) -> [usize; 2] {
    let reader = Reader::open(&bench.path()).unwrap();
    let report = reader.check(Hashes::Sha256AndSha512).unwrap();
    assert!(report.is_sound());
    ["hello@1.0.0", "hello@2.0.0"].map(|name| {
        let release = reader.find(&named(name)).unwrap().unwrap();
        let (kept, unread) = reader.renewals(&release);
        assert!(unread.is_empty(), "{unread:?}");
        let members: Vec<Digest> = release
            .members()
            .iter()
            .map(crate::Member::digest)
            .collect();
        let subject = Subject {
            name: release.name(),
            manifest: release.manifest(),
            members: &members,
            observed: &report.observed,
        };
        let count = kept.len();
        let roots = trusting(&[&authority("b", 2020, 2036)]);
        let proofs = Proofs::of(subject, kept, &roots, time("2030-01-01"));
        // Every check before the authority's name has passed.
        let codes: Vec<&str> = proofs.refused.iter().map(|(_, it)| it.code()).collect();
        assert_eq!(codes, vec!["time-unknown"; count]);
        count
    })
}

#[test]
fn a_renewal_of_one_release_is_refused_at_another() {
    let bench = Bench::new();
    bench.add("hello@1.0.0", &HELLO).unwrap();
    bench.add("hello@2.0.0", &HELLO).unwrap();
    renew(&bench.path()).unwrap();
    let mut store = Store::open(&bench.path()).unwrap();
    let reader = store.reader();
    let of = |name: &str| reader.find(&named(name)).unwrap().unwrap();
    let (kept, _) = reader.renewals(&of("hello@1.0.0"));
    let (document, record) = (kept[0].document.clone(), kept[0].record.to_der().unwrap());
    let input = attachment_of(
        &named("hello@2.0.0"),
        time("2027-01-01"),
        &document,
        &record,
    );
    store.attach_all(&[input.unwrap()]).unwrap();

    let reader = store.reader();
    let release = reader.find(&named("hello@2.0.0")).unwrap().unwrap();
    let (kept, _) = reader.renewals(&release);
    let subject = Subject {
        name: release.name(),
        manifest: release.manifest(),
        members: &[],
        observed: &std::collections::BTreeMap::new(),
    };
    let proofs = Proofs::of(subject, kept, &trusting(&[]), time("2030-01-01"));
    let codes: Vec<&str> = proofs.refused.iter().map(|(_, it)| it.code()).collect();
    assert_eq!(codes, ["time-unknown", "renewal-other-release"]);
}

#[test]
fn a_renewal_that_is_kept_twice_is_read_once() {
    let bench = Bench::new();
    bench.add("hello@1.0.0", &HELLO).unwrap();
    renew(&bench.path()).unwrap();
    let mut store = Store::open(&bench.path()).unwrap();
    let release = named("hello@1.0.0");
    let found = |store: &Store| {
        let reader = store.reader();
        let of = reader.find(&release).unwrap().unwrap();
        let (kept, unread) = reader.renewals(&of);
        let codes: Vec<&str> = unread.iter().map(|it| it.code).collect();
        (kept, codes)
    };
    let (kept, _) = found(&store);
    let (document, record) = (kept[0].document.clone(), kept[0].record.to_der().unwrap());
    for (day, record) in [
        ("2027-01-01", record.as_slice()),
        ("2027-01-02", b"none"),
        ("2027-01-03", b"none"),
    ] {
        let input = attachment_of(&release, time(day), &document, record);
        store.attach_all(&[input.unwrap()]).unwrap();
    }
    let (kept, codes) = found(&store);
    assert_eq!((kept.len(), codes), (1, vec!["renewal-malformed"]));
}
