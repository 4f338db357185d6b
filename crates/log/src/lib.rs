//! The transparency log: RFC 6962 trees, C2SP tiles, checkpoints and notes, Rekor v2 entries, and a durable file store.
