//! `org.opencontainers.image.ref.name` for a release.

use std::fmt::Write as _;

use attest_provenance::ReleaseName;

/// The reference name of a release in the index: `NAME@VERSION` itself where the grammar of the
/// [OCI image layout](https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md)
/// takes it, else `escaped/` and the same with `ZXX` for each byte in the way.
///
/// ```text
/// hello@1.0.0          hello@1.0.0
/// @scope/tool@2.0~rc1  escaped/Z40scope/tool@2.0Z7erc1
/// ```
///
/// ```text
/// ref       ::= component ("/" component)*
/// component ::= alphanum (separator alphanum)*
/// alphanum  ::= [A-Za-z0-9]+
/// separator ::= [-._:@+] | "--"
/// ```
///
/// No two releases share a name: `Z` itself is escaped, and a release whose own name begins with
/// `escaped/` is escaped too.
pub(crate) fn reference_name(release: &ReleaseName) -> String {
    let plain = release.to_string();
    if is_reference(&plain) && !plain.starts_with(ESCAPED) {
        return plain;
    }
    let components: Vec<String> = plain.split('/').map(escape_component).collect();
    format!("{ESCAPED}{}", components.join("/"))
}

/// Whether the text is in the grammar of reference names.
pub(crate) fn is_reference(text: &str) -> bool {
    text.split('/').all(is_component)
}

fn is_component(text: &str) -> bool {
    let mut rest = text.as_bytes();
    loop {
        let Some(word) = rest.iter().position(|byte| !byte.is_ascii_alphanumeric()) else {
            return !rest.is_empty();
        };
        let (before, separated) = rest.split_at(word);
        rest = match separated {
            _ if before.is_empty() => return false,
            [b'-', b'-', after @ ..] | [b'-' | b'.' | b'_' | b':' | b'@' | b'+', after @ ..] => {
                after
            }
            _ => return false,
        };
    }
}

/// A separator stays where a letter or digit, or an escape, stands on both sides of it.
fn escape_component(component: &str) -> String {
    let mut escaped = String::with_capacity(component.len());
    let mut bytes = component.bytes().peekable();
    let mut word_before = false;
    while let Some(byte) = bytes.next() {
        let stays = match byte {
            b'Z' => false,
            _ if byte.is_ascii_alphanumeric() => true,
            b'-' | b'.' | b'_' | b':' | b'@' | b'+' => word_before && bytes.peek().is_some(),
            _ => false,
        };
        if stays {
            escaped.push(char::from(byte));
        } else {
            write!(escaped, "Z{byte:02x}").unwrap_or(());
        }
        word_before = !stays || byte.is_ascii_alphanumeric();
    }
    escaped
}

const ESCAPED: &str = "escaped/";

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn of(text: &str) -> String {
        reference_name(&ReleaseName::parse(text).unwrap())
    }

    #[test]
    fn a_name_within_the_grammar_stays_as_it_is() {
        for name in [
            "hello@1.0.0",
            "org/tool@2026.1+build.7",
            "a--b@1",
            "Zoo@1.0:2",
        ] {
            assert_eq!(of(name), name);
        }
    }

    #[test]
    fn a_name_outside_the_grammar_is_escaped() {
        for (name, reference) in [
            ("@scope/tool@2.0~rc1", "escaped/Z40scope/tool@2.0Z7erc1"),
            ("a..b@1", "escaped/a.Z2eb@1"),
            ("a-@-1", "escaped/a-Z40-1"),
            ("c++@1", "escaped/c+Z2b@1"),
            ("tool@1.", "escaped/tool@1Z2e"),
            ("Z~@1", "escaped/Z5aZ7e@1"),
            ("escaped/tool@1", "escaped/escaped/tool@1"),
        ] {
            assert_eq!(of(name), reference);
            assert!(is_reference(reference), "{reference}");
        }
    }

    #[test]
    fn the_grammar_of_the_standard_is_enforced() {
        for outside in [
            "", "/a", "a/", "a//b", "-a", "a-", "a---b", "a.-b", "a~b", "a b", "ä",
        ] {
            assert!(!is_reference(outside), "{outside}");
        }
        for inside in ["a", "a--b", "a.b", "a/b@c:d+e_f", "0"] {
            assert!(is_reference(inside), "{inside}");
        }
    }

    proptest! {
        #[test]
        fn each_release_has_its_own_name_within_the_grammar(
            names in prop::collection::hash_set("[a-cZ~._@+-]{1,6}(/[a-cZ~._@+-]{1,4}){0,2}@[aZ.~:+-]{1,4}", 1..40)
        ) {
            let mut seen: HashMap<String, ReleaseName> = HashMap::new();
            for text in names {
                let Ok(name) = ReleaseName::parse(&text) else { continue };
                let reference = reference_name(&name);
                prop_assert!(is_reference(&reference), "{} from {}", reference, text);
                if let Some(other) = seen.insert(reference, name.clone()) {
                    prop_assert_eq!(other, name);
                }
            }
        }
    }
}
