//! Values for the places that a layout leaves open.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::InTotoError;

/// Values for `{name}` in the rules and commands of a layout.
///
/// Replaced is exactly `{name}`, once and as it stands: a value is never read again, and nothing but a
/// name between braces means anything, unlike in the format strings of the reference.
#[derive(Clone, Debug, Default)]
pub struct Parameters {
    values: BTreeMap<String, String>,
    used: RefCell<BTreeSet<String>>,
}

impl Parameters {
    /// No values.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value.
    ///
    /// # Errors
    /// A name that is not one or more of `A-Z a-z 0-9 _ -`, or that is there already.
    pub fn insert(&mut self, name: &str, value: &str) -> Result<(), InTotoError> {
        if !is_name(name) || self.values.contains_key(name) {
            return Err(InTotoError::ParameterUnknown {
                name: name.to_owned(),
            });
        }
        self.values.insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A text with its parameters replaced.
    ///
    /// # Errors
    /// A name between braces that has no value.
    pub fn replace(&self, text: &str) -> Result<String, InTotoError> {
        let mut replaced = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            replaced.push_str(before);
            match after.split_once('}') {
                Some((name, after)) if is_name(name) => {
                    let value =
                        self.values
                            .get(name)
                            .ok_or_else(|| InTotoError::ParameterMissing {
                                name: name.to_owned(),
                            })?;
                    self.used.borrow_mut().insert(name.to_owned());
                    replaced.push_str(value);
                    rest = after;
                }
                _ => {
                    replaced.push('{');
                    rest = after;
                }
            }
        }
        replaced.push_str(rest);
        Ok(replaced)
    }

    /// Refuses values that nothing asked for.
    ///
    /// # Errors
    /// A value that was not used.
    pub fn finish(&self) -> Result<(), InTotoError> {
        let used = self.used.borrow();
        match self.values.keys().find(|it| !used.contains(*it)) {
            Some(name) => Err(InTotoError::ParameterUnknown { name: name.clone() }),
            None => Ok(()),
        }
    }
}

fn is_name(text: &str) -> bool {
    let plain = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'_' | b'-');
    !text.is_empty() && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(values: &[(&str, &str)]) -> Parameters {
        let mut parameters = Parameters::new();
        for (name, value) in values {
            parameters.insert(name, value).unwrap();
        }
        parameters
    }

    #[test]
    fn a_value_is_put_in_as_it_stands_and_never_read_again() {
        let parameters = parameters(&[("a", "{b}"), ("b", "x")]);
        assert_eq!(parameters.replace("{a}/{b}").unwrap(), "{b}/x");
        assert!(parameters.finish().is_ok());
    }

    #[test]
    fn a_format_string_means_nothing() {
        let parameters = parameters(&[("v", "x")]);
        for text in [
            "{v.__class__}",
            "{0}",
            "{v!r}",
            "{v:>10}",
            "{ v }",
            "{",
            "}",
            "{}",
            "{{",
        ] {
            match parameters.replace(text) {
                Ok(same) => assert_eq!(same, text),
                Err(error) => assert_eq!((text, error.code()), ("{0}", "layout-parameter-missing")),
            }
        }
        assert_eq!(parameters.replace("{{v}}").unwrap(), "{x}");
    }

    #[test]
    fn a_parameter_without_use_or_without_value_is_an_error() {
        assert_eq!(
            parameters(&[]).replace("a{b}").unwrap_err().code(),
            "layout-parameter-missing"
        );
        assert_eq!(
            parameters(&[("b", "")]).finish().unwrap_err().code(),
            "layout-parameter-unknown"
        );
        let mut bad = Parameters::new();
        assert_eq!(
            bad.insert("a b", "").unwrap_err().code(),
            "layout-parameter-unknown"
        );
    }
}
