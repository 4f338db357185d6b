//! Reading TOML with the lines of what it holds. The only file of this crate that names the `toml` crate.

use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};

use crate::error::LockError;
use crate::limits;

/// A document, read.
pub(crate) struct Document<'t> {
    text: &'t str,
    lines: Vec<usize>,
    table: Spanned<DeTable<'t>>,
}

/// A value and the offset at which it begins.
#[derive(Clone, Copy)]
pub(crate) struct Node<'t> {
    document: &'t Document<'t>,
    at: usize,
    value: Value<'t>,
}

#[derive(Clone, Copy)]
enum Value<'t> {
    Root(&'t DeTable<'t>),
    Other(&'t DeValue<'t>),
}

impl<'t> Document<'t> {
    pub(crate) fn parse(bytes: &'t [u8]) -> Result<Self, LockError> {
        let text = text(bytes)?;
        let lines: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
        let table = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |it| it.start);
            LockError::malformed(line(&lines, at), error.message())
        })?;
        Ok(Self { text, lines, table })
    }

    pub(crate) fn root(&'t self) -> Node<'t> {
        Node {
            document: self,
            at: 0,
            value: Value::Root(self.table.get_ref()),
        }
    }
}

impl<'t> Node<'t> {
    pub(crate) fn line(self) -> usize {
        line(&self.document.lines, self.at)
    }

    pub(crate) fn fault(self, problem: impl std::fmt::Display) -> LockError {
        LockError::malformed(self.line(), problem)
    }

    fn table(self) -> Result<&'t DeTable<'t>, LockError> {
        match self.value {
            Value::Root(table) | Value::Other(DeValue::Table(table)) => Ok(table),
            Value::Other(_) => Err(self.fault("wanted a table")),
        }
    }

    /// Refuses fields of another name.
    pub(crate) fn only(self, known: &[&str]) -> Result<(), LockError> {
        let strange =
            |key: &&Spanned<std::borrow::Cow<'_, str>>| !known.contains(&key.get_ref().as_ref());
        match self.table()?.keys().find(strange) {
            None => Ok(()),
            Some(key) => Err(LockError::malformed(
                line(&self.document.lines, key.span().start),
                format_args!("{:?} is unknown here", key.get_ref()),
            )),
        }
    }

    pub(crate) fn get(self, name: &str) -> Result<Option<Self>, LockError> {
        let found = self.table()?.get(name);
        Ok(found.map(|value| self.document.node(value)))
    }

    pub(crate) fn fields(self) -> Result<Vec<(&'t str, Self)>, LockError> {
        let fields = self.table()?.iter();
        Ok(fields
            .map(|(key, value)| (key.get_ref().as_ref(), self.document.node(value)))
            .collect())
    }

    pub(crate) fn items(self) -> Result<Vec<Self>, LockError> {
        match self.value {
            Value::Other(DeValue::Array(items)) => {
                Ok(items.iter().map(|it| self.document.node(it)).collect())
            }
            _ => Err(self.fault("wanted a list")),
        }
    }

    /// The items of a list that may be absent.
    pub(crate) fn items_of(self, name: &str) -> Result<Vec<Self>, LockError> {
        self.get(name)?.map_or(Ok(Vec::new()), Self::items)
    }

    /// A text that is not empty and can be shown.
    pub(crate) fn text(self) -> Result<&'t str, LockError> {
        match self.value {
            Value::Other(DeValue::String(text)) => {
                check(text, Some(self.line()))?;
                Ok(text)
            }
            _ => Err(self.fault("wanted a text")),
        }
    }

    pub(crate) fn text_of(self, name: &str) -> Result<Option<&'t str>, LockError> {
        self.get(name)?.map(Self::text).transpose()
    }

    pub(crate) fn needs_text(self, name: &str) -> Result<&'t str, LockError> {
        let text = self.text_of(name)?;
        text.ok_or_else(|| self.fault(format_args!("{name} is missing")))
    }

    pub(crate) fn number(self) -> Result<u64, LockError> {
        let number = match self.value {
            Value::Other(DeValue::Integer(it)) if it.radix() == 10 => it.as_str().parse().ok(),
            _ => None,
        };
        number.ok_or_else(|| self.fault("wanted a whole number"))
    }
}

impl<'t> Document<'t> {
    fn node(&'t self, value: &'t Spanned<DeValue<'t>>) -> Node<'t> {
        Node {
            document: self,
            at: value.span().start.min(self.text.len()),
            value: Value::Other(value.get_ref()),
        }
    }
}

/// The text of a lock file of honest size.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, LockError> {
    if bytes.len() > limits::LOCK_BYTES {
        let (found, limit) = (bytes.len(), limits::LOCK_BYTES);
        let problem = format_args!("it has {found} bytes, at most {limit} are read");
        return Err(LockError::new("lock-too-large", None, problem));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = before.split(|byte| *byte == b'\n').count();
        LockError::malformed(line, "it is not UTF-8")
    })
}

/// Refuses what no lock file has for a name, a version or an address.
pub(crate) fn check(text: &str, line: Option<usize>) -> Result<(), LockError> {
    let problem = if text.is_empty() {
        "a text is empty"
    } else if text.len() > limits::LOCK_TEXT_BYTES {
        "a text is too long"
    } else if attest_digest::check_text(text.as_bytes()).is_err() {
        "a text has characters that cannot be shown"
    } else {
        return Ok(());
    };
    Err(LockError::malformed(line, problem))
}

fn line(lines: &[usize], at: usize) -> usize {
    lines.partition_point(|newline| *newline < at) + 1
}
