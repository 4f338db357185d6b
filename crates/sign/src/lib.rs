//! Everything that holds a private key: artifact keys, the checkpoint key, the timestamp authority; bundles that are verified before they are handed out.
