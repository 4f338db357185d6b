//! How a registry asks who we are: `WWW-Authenticate` (RFC 9110, section 11.6.1).

use std::collections::BTreeMap;

/// What a registry wants to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// User and password.
    Basic,
    /// A token, to be had elsewhere.
    Bearer {
        realm: String,
        service: Option<String>,
    },
}

/// The challenge that we can meet: a token before a password.
///
/// ```text
/// Bearer realm="https://auth.example.org/token",service="registry.example.org",scope="repository:a:pull"
/// ```
pub(super) fn parse(headers: &[&str]) -> Option<Challenge> {
    let mut found = None;
    for header in headers.iter().filter(|it| it.len() <= MOST) {
        let (scheme, rest) = header.split_once(' ').unwrap_or((header, ""));
        if scheme.eq_ignore_ascii_case("bearer") {
            let mut values = parameters(rest)?;
            return Some(Challenge::Bearer {
                realm: values.remove("realm")?,
                service: values.remove("service"),
            });
        }
        if scheme.eq_ignore_ascii_case("basic") {
            found = Some(Challenge::Basic);
        }
    }
    found
}

/// `name="value"` with commas between; a name that stands twice has no meaning.
fn parameters(mut text: &str) -> Option<BTreeMap<String, String>> {
    let mut values = BTreeMap::new();
    loop {
        text = text.trim_start_matches([' ', ',']);
        if text.is_empty() {
            return Some(values);
        }
        let (name, rest) = text.split_once('=')?;
        let (value, rest) = match rest.strip_prefix('"') {
            Some(rest) => rest.split_once('"')?,
            None => rest.split_once(',').unwrap_or((rest, "")),
        };
        // An escape in a quoted value is more than any registry needs.
        if value.contains('\\') {
            return None;
        }
        let name = name.trim().to_ascii_lowercase();
        if values.insert(name, value.trim().to_owned()).is_some() {
            return None;
        }
        text = rest;
    }
}

/// Bytes of one header that are looked at.
const MOST: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_preferred_and_its_place_is_named_once() {
        let bearer = r#"Bearer realm="https://a.example/t?x=1,2",service="s",scope="repository:a:pull,push""#;
        let wanted = Challenge::Bearer {
            realm: "https://a.example/t?x=1,2".to_owned(),
            service: Some("s".to_owned()),
        };
        assert_eq!(parse(&["Basic realm=\"x\"", bearer]), Some(wanted));
        assert_eq!(parse(&["basic realm=\"x\""]), Some(Challenge::Basic));
        for none in [
            "",
            "Digest realm=\"x\"",
            "Bearer",
            "Bearer service=\"s\"",
            "Bearer realm=\"https://a.example",
            r#"Bearer realm="https://a.example",realm="https://b.example""#,
            r#"Bearer realm="https://a.example\"","#,
        ] {
            assert_eq!(parse(&[none]), None, "{none}");
        }
    }
}
