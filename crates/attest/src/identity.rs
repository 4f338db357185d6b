//! A home's identity, opened: the keys unlocked, the log and the authority at hand.
