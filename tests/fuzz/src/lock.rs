//! Lock files.

use attest_sbom::{Bill, Lock, Naming};

use crate::Outcome;

/// A lock file behind its name; what stands behind a NUL is the `go.sum`. What is read of it is a bill of
/// materials that can be written.
pub fn lock(data: &[u8]) -> Outcome {
    let Some(end) = data.iter().position(|it| *it == b'\n') else {
        return Outcome::Refused;
    };
    let (name, rest) = (&data[..end], &data[end + 1..]);
    let Ok(name) = std::str::from_utf8(name) else {
        return Outcome::Refused;
    };
    let mut parts = rest.splitn(2, |it| *it == 0);
    let (bytes, go_sum) = (parts.next().unwrap_or_default(), parts.next());
    let Ok(lock) = Lock::read(name, bytes, go_sum) else {
        return Outcome::Refused;
    };
    for component in lock.components() {
        assert!(!component.name().is_empty());
        if let Some(purl) = component.purl() {
            assert!(attest_sbom::purl::Parts::parse(purl).is_some(), "{purl}");
        }
    }
    let naming = Naming {
        name: Some("fuzzed".to_owned()),
        version: Some("1".to_owned()),
        ..Naming::default()
    };
    if let Ok(bill) = Bill::of(vec![lock], naming) {
        let written = bill.to_cyclonedx().expect("a bill of what was read");
        assert!(serde_json::from_slice::<serde_json::Value>(&written).is_ok());
    }
    Outcome::Read
}
