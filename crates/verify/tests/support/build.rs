//! A workflow as a signer: what Fulcio writes about its build.

use super::der::*;
use super::issuer::{Signer, uri};

pub(crate) const WORKFLOW: &str =
    "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1.0.0";
pub(crate) const WORKFLOWS: &str =
    "https://github.com/acme/app/.github/workflows/*.yml@refs/tags/v*";

/// The new extensions: number and value.
const NEW: &[(u32, &str)] = &[
    (9, WORKFLOW),
    (10, "0123456789abcdef0123456789abcdef01234567"),
    (11, "github-hosted"),
    (12, "https://github.com/acme/app"),
    (13, "0123456789abcdef0123456789abcdef01234567"),
    (14, "refs/tags/v1.0.0"),
    (15, "1001"),
    (16, "https://github.com/acme"),
    (17, "1002"),
    (18, WORKFLOW),
    (19, "0123456789abcdef0123456789abcdef01234567"),
    (20, "push"),
    (21, "https://github.com/acme/app/actions/runs/1/attempts/1"),
    (22, "public"),
    (24, "repo:acme/app:ref:refs/tags/v1.0.0"),
];

/// The old ones.
const OLD: &[(u32, &str)] = &[
    (2, "push"),
    (3, "0123456789abcdef0123456789abcdef01234567"),
    (4, "Release"),
    (5, "acme/app"),
    (6, "refs/tags/v1.0.0"),
];

pub(crate) fn build() -> Signer {
    build_saying(|_, _| {})
}

/// A build whose certificate says something else, in new and old extensions.
pub(crate) fn build_saying(
    change: impl FnOnce(&mut Vec<(u32, Vec<u8>)>, &mut Vec<(u32, Vec<u8>)>),
) -> Signer {
    let mut new: Vec<_> = NEW.iter().map(|(id, text)| (*id, utf8(text))).collect();
    let old = OLD.iter().map(|(id, text)| (*id, text.as_bytes().to_vec()));
    let mut old: Vec<_> = old.collect();
    change(&mut new, &mut old);
    let extensions = old.into_iter().chain(new);
    Signer {
        names: vec![uri(WORKFLOW)],
        more: extensions.map(|(id, value)| fulcio(id, &value)).collect(),
        ..Signer::default()
    }
}

fn fulcio(id: u32, value: &[u8]) -> Vec<u8> {
    extension(&format!("1.3.6.1.4.1.57264.1.{id}"), false, value)
}
