//! What is claimed about software: strict JSON, in-toto statements and predicates, DSSE envelopes.
