//! The `crypto_secretbox` of `NaCl`: `XSalsa20` with Poly1305, written from the two primitives.
//!
//! ```text
//! keystream = XSalsa20(key, nonce)
//! box       = Poly1305(keystream[..32], c) ‖ c,  c = message ⊕ keystream[32..]
//! ```
//! See [Cryptography in NaCl](https://cr.yp.to/highspeed/naclcrypto-20090310.pdf), section 9.

use poly1305::Poly1305;
use poly1305::universal_hash::KeyInit;
use salsa20::XSalsa20;
use salsa20::cipher::{KeyIvInit, StreamCipher};
use zeroize::Zeroizing;

use crate::crypto::equal_in_constant_time;

/// Bytes that a box is longer than its message.
const TAG_BYTES: usize = 16;

/// Encrypts and authenticates. A nonce must never be used twice with one key.
pub(crate) fn seal(key: &[u8; 32], nonce: &[u8; 24], message: &[u8]) -> Vec<u8> {
    let (mut stream, tag_key) = start(key, nonce);
    let mut sealed = vec![0; TAG_BYTES];
    sealed.extend_from_slice(message);
    if let Some((tag, body)) = sealed.split_at_mut_checked(TAG_BYTES) {
        stream.apply_keystream(body);
        tag.copy_from_slice(&authenticate(&tag_key, body));
    }
    sealed
}

/// Decrypts what [`seal`] made with the same key and nonce; `None` for everything else.
pub(crate) fn open(key: &[u8; 32], nonce: &[u8; 24], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (tag, body) = sealed.split_at_checked(TAG_BYTES)?;
    let (mut stream, tag_key) = start(key, nonce);
    if !equal_in_constant_time(&authenticate(&tag_key, body), tag) {
        return None;
    }
    let mut message = Zeroizing::new(body.to_vec());
    stream.apply_keystream(&mut message);
    Some(message)
}

/// The stream behind its first 32 bytes, and those: the key of the tag.
fn start(key: &[u8; 32], nonce: &[u8; 24]) -> (XSalsa20, Zeroizing<[u8; 32]>) {
    let mut stream = XSalsa20::new(key.into(), nonce.into());
    let mut tag_key = Zeroizing::new([0; 32]);
    stream.apply_keystream(tag_key.as_mut());
    (stream, tag_key)
}

fn authenticate(key: &[u8; 32], body: &[u8]) -> [u8; TAG_BYTES] {
    Poly1305::new(key.into()).compute_unpadded(body).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example in the tests of `NaCl` (tests/secretbox.c): a message of 131 bytes.
    const KEY: &str = "1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389";
    const NONCE: &str = "69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37";
    const MESSAGE: &str = "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c61296cdc3c01233561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f937763848645e0705";
    const BOX: &str = "f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1186ac0dfc17c98dce87b4da7f011ec48c97271d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de56244a9e88d5f9b37973f622a43d14a6599b1f654cb45a74e355a5";

    fn bytes<const N: usize>(text: &str) -> [u8; N] {
        hex::decode(text).unwrap().try_into().unwrap()
    }

    #[test]
    fn a_box_with_one_bit_flipped_does_not_open() {
        let (key, nonce) = (bytes(KEY), bytes(NONCE));
        let sealed = hex::decode(BOX).unwrap();
        for position in 0..sealed.len() {
            let mut flipped = sealed.clone();
            flipped[position] ^= 0x10;
            assert!(open(&key, &nonce, &flipped).is_none(), "byte {position}");
        }
    }

    #[test]
    fn a_truncated_box_does_not_open() {
        let (key, nonce) = (bytes(KEY), bytes(NONCE));
        let sealed = hex::decode(BOX).unwrap();
        for length in 0..sealed.len() {
            assert!(
                open(&key, &nonce, &sealed[..length]).is_none(),
                "{length} bytes"
            );
        }
    }

    #[test]
    fn another_key_or_nonce_does_not_open() {
        let sealed = hex::decode(BOX).unwrap();
        assert!(open(&[0; 32], &bytes(NONCE), &sealed).is_none());
        assert!(open(&bytes(KEY), &[0; 24], &sealed).is_none());
    }

    #[test]
    fn the_example_of_nacl_is_made_and_opened() {
        let (key, nonce) = (bytes(KEY), bytes(NONCE));
        let message = hex::decode(MESSAGE).unwrap();
        assert_eq!(hex::encode(seal(&key, &nonce, &message)), BOX);
        let opened = open(&key, &nonce, &hex::decode(BOX).unwrap()).unwrap();
        assert_eq!(*opened, message);
    }

    #[test]
    fn an_empty_message_has_a_box_of_its_tag() {
        let sealed = seal(&[1; 32], &[2; 24], b"");
        assert_eq!(sealed.len(), TAG_BYTES);
        assert!(open(&[1; 32], &[2; 24], &sealed).unwrap().is_empty());
    }
}
