//! Signatures that verified on the way to one answer: the second judge asks the same library for the
//! same ones, and need not have them computed anew.
//!
//! Whether an ECDSA signature verifies depends on the curve, the key, the digest and the signature, and
//! on nothing else. All four are kept whole and compared byte for byte. Only what verified is kept, and
//! only while one answer is looked for, on the thread that looks for it.

use std::cell::RefCell;
use std::sync::Arc;

use attest_digest::Digest;

/// A curve that both judges read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
}

/// An ECDSA signature that verified, with everything that this depends on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Noted {
    curve: Curve,
    public_key: Vec<u8>,
    digest: Digest,
    signature: Vec<u8>,
}

thread_local! {
    /// None while nothing is to be noted.
    static NOTED: RefCell<Option<Vec<Arc<Noted>>>> = const { RefCell::new(None) };
}

/// Runs this, and gives the signatures that verified in it. Whoever notes around it has them too.
pub(crate) fn noting<T>(run: impl FnOnce() -> T) -> (T, Vec<Arc<Noted>>) {
    let around = Around(NOTED.replace(Some(Vec::new())));
    let result = run();
    let noted = NOTED.take().unwrap_or_default();
    drop(around);
    note_again(&noted);
    (result, noted)
}

/// What was noted before counts here as well.
pub(crate) fn note_again(earlier: &[Arc<Noted>]) {
    NOTED.with_borrow_mut(|noted| {
        if let Some(noted) = noted {
            noted.extend_from_slice(earlier);
        }
    });
}

/// Only after the library verified exactly this.
pub(super) fn note(curve: Curve, public_key: &[u8], digest: &Digest, signature: &[u8]) {
    NOTED.with_borrow_mut(|noted| {
        if let Some(noted) = noted {
            noted.push(Arc::new(Noted {
                curve,
                public_key: public_key.to_vec(),
                digest: *digest,
                signature: signature.to_vec(),
            }));
        }
    });
}

/// Whether exactly this verified already.
pub(crate) fn is_noted(curve: Curve, public_key: &[u8], digest: &Digest, signature: &[u8]) -> bool {
    NOTED.with_borrow(|noted| {
        noted.iter().flatten().any(|it| {
            it.curve == curve
                && it.public_key == public_key
                && it.digest == *digest
                && it.signature == signature
        })
    })
}

/// What was noted around, and is again when this is dropped, also by a panic.
struct Around(Option<Vec<Arc<Noted>>>);

impl Drop for Around {
    fn drop(&mut self) {
        NOTED.set(self.0.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: Digest = Digest::Sha256([7; 32]);

    fn known() -> bool {
        is_noted(Curve::P256, b"key", &DIGEST, b"signature")
    }

    #[test]
    fn what_differs_in_one_thing_is_not_noted() {
        let ((), noted) = noting(|| {
            note(Curve::P256, b"key", &DIGEST, b"signature");
            assert!(known());
            assert!(!is_noted(Curve::P384, b"key", &DIGEST, b"signature"));
            assert!(!is_noted(Curve::P256, b"kez", &DIGEST, b"signature"));
            assert!(!is_noted(Curve::P256, b"key", &DIGEST, b"signaturf"));
            let other = Digest::Sha256([8; 32]);
            assert!(!is_noted(Curve::P256, b"key", &other, b"signature"));
            let longer = Digest::Sha384([7; 48]);
            assert!(!is_noted(Curve::P256, b"key", &longer, b"signature"));
        });
        assert_eq!(noted.len(), 1);
    }

    #[test]
    fn nothing_is_noted_before_or_after_and_by_no_other_thread() {
        note(Curve::P256, b"key", &DIGEST, b"signature");
        assert!(!known());
        noting(|| {
            assert!(!known());
            note(Curve::P256, b"key", &DIGEST, b"signature");
            std::thread::scope(|scope| {
                scope.spawn(|| assert!(!noting(known).0));
            });
        });
        assert!(!known());
        let _ = std::panic::catch_unwind(|| {
            noting(|| {
                note(Curve::P256, b"key", &DIGEST, b"signature");
                std::panic::resume_unwind(Box::new(()));
            })
        });
        assert!(!known());
    }

    #[test]
    fn what_was_noted_within_counts_around_it_and_can_be_noted_again() {
        let mut kept = Vec::new();
        noting(|| {
            let ((), within) = noting(|| note(Curve::P256, b"key", &DIGEST, b"signature"));
            assert!(known());
            kept = within;
        });
        assert!(!known());
        noting(|| {
            note_again(&kept);
            assert!(known());
        });
    }
}
