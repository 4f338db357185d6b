//! Strict verification of Sigstore bundles against a trusted root and an expected signer.
