//! Reading TOML so that each fault says where it stands. The only file that names the `toml` crate.

use std::fmt;
use std::ops::Range;

use jiff::Timestamp;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::limits;
use crate::nearest;

/// What is wrong with a signers file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}{}", .meant.map(|it| format!("; did you mean {it}?")).unwrap_or_default())]
pub struct SignersFileError {
    line: usize,
    column: usize,
    problem: String,
    meant: Option<&'static str>,
}

impl SignersFileError {
    pub(crate) fn or_nearest(
        mut self,
        word: &str,
        known: impl IntoIterator<Item = &'static str>,
    ) -> Self {
        self.meant = nearest::nearest(word, known);
        self
    }
}

/// A table with its place.
pub(crate) struct Table<'t> {
    text: &'t str,
    place: Range<usize>,
    fields: Vec<(&'t str, Range<usize>, Item<'t>)>,
}

/// A value with its place.
#[derive(Clone)]
pub(crate) struct Item<'t> {
    text: &'t str,
    place: Range<usize>,
    value: &'t DeValue<'t>,
}

/// A text with its place.
pub(crate) struct Field<'t> {
    pub(crate) text: &'t str,
    file: &'t str,
    place: Range<usize>,
}

/// A document, read.
pub(crate) struct Document<'t> {
    text: &'t str,
    table: Spanned<DeTable<'t>>,
}

impl<'t> Document<'t> {
    pub(crate) fn parse(text: &'t str) -> Result<Self, SignersFileError> {
        if text.len() > limits::SIGNERS_FILE_BYTES {
            let (found, most) = (text.len(), limits::SIGNERS_FILE_BYTES);
            return Err(fault(
                "",
                0,
                format!("the file has {found} bytes, at most {most}"),
            ));
        }
        let table = DeTable::parse(text).map_err(|error| {
            let begin = error.span().map_or(0, |it| it.start);
            fault(text, begin, error.message())
        })?;
        Ok(Self { text, table })
    }

    pub(crate) fn root(&self) -> Table<'_> {
        Table::new(self.text, self.table.span(), self.table.get_ref())
    }
}

impl<'t> Table<'t> {
    fn new(text: &'t str, place: Range<usize>, table: &'t DeTable<'t>) -> Self {
        let field = |(key, value): (&'t Spanned<_>, &'t Spanned<DeValue<'t>>)| {
            let key: &'t Spanned<std::borrow::Cow<'t, str>> = key;
            let item = Item {
                text,
                place: value.span(),
                value: value.get_ref(),
            };
            (key.get_ref().as_ref(), key.span(), item)
        };
        let mut fields: Vec<_> = table.iter().map(field).collect();
        fields.sort_by_key(|(_, place, _)| place.start);
        Self {
            text,
            place,
            fields,
        }
    }

    /// Refuses any other field.
    pub(crate) fn only(&self, known: &[&'static str]) -> Result<(), SignersFileError> {
        match self.fields.iter().find(|(name, ..)| !known.contains(name)) {
            Some((name, place, _)) => {
                let fault = fault(self.text, place.start, format!("{name} is unknown here"));
                Err(fault.or_nearest(name, known.iter().copied()))
            }
            None => Ok(()),
        }
    }

    pub(crate) fn has(&self, name: &str) -> Option<Item<'t>> {
        let found = self.fields.iter().find(|(it, ..)| *it == name);
        found.map(|(.., item)| item.clone())
    }

    pub(crate) fn needs(&self, name: &str) -> Result<Item<'t>, SignersFileError> {
        self.has(name)
            .ok_or_else(|| self.fault(format!("{name} is missing")))
    }

    pub(crate) fn fields(&self) -> impl Iterator<Item = (&'t str, &Item<'t>)> {
        self.fields.iter().map(|(name, _, item)| (*name, item))
    }

    pub(crate) fn fault(&self, problem: impl Into<String>) -> SignersFileError {
        fault(self.text, self.place.start, problem)
    }
}

impl<'t> Item<'t> {
    pub(crate) fn table(&self) -> Result<Table<'t>, SignersFileError> {
        match self.value {
            DeValue::Table(table) => Ok(Table::new(self.text, self.place.clone(), table)),
            _ => Err(self.fault("wanted a table")),
        }
    }

    pub(crate) fn items(&self) -> Result<Vec<Self>, SignersFileError> {
        let DeValue::Array(array) = self.value else {
            return Err(self.fault("wanted a list"));
        };
        let item = |value: &'t Spanned<DeValue<'t>>| Self {
            text: self.text,
            place: value.span(),
            value: value.get_ref(),
        };
        Ok(array.iter().map(item).collect())
    }

    pub(crate) fn text(&self) -> Result<Field<'t>, SignersFileError> {
        match self.value {
            DeValue::String(text) => Ok(Field {
                text: text.as_ref(),
                file: self.text,
                place: self.place.clone(),
            }),
            _ => Err(self.fault("wanted a text")),
        }
    }

    /// A list of texts.
    pub(crate) fn texts(&self) -> Result<Vec<Field<'t>>, SignersFileError> {
        self.items()?.iter().map(Self::text).collect()
    }

    /// A list of texts, or one text.
    pub(crate) fn texts_of(self) -> Result<Vec<Field<'t>>, SignersFileError> {
        match self.value {
            DeValue::String(_) => Ok(vec![self.text()?]),
            _ => self.texts(),
        }
    }

    pub(crate) fn number(&self) -> Result<u64, SignersFileError> {
        let number = match self.value {
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().parse().ok(),
            _ => None,
        };
        number.ok_or_else(|| self.fault("wanted a whole number"))
    }

    /// A time that means one moment everywhere.
    pub(crate) fn time(&self) -> Result<Timestamp, SignersFileError> {
        let time = match self.value {
            DeValue::Datetime(time) => time.to_string().parse().ok(),
            DeValue::String(text) => text.parse().ok(),
            _ => None,
        };
        time.ok_or_else(|| {
            self.fault("wanted a time with its offset, such as 2026-05-11T00:00:00Z")
        })
    }

    pub(crate) fn fault(&self, problem: impl Into<String>) -> SignersFileError {
        fault(self.text, self.place.start, problem)
    }

    pub(crate) fn unknown(
        &self,
        what: &str,
        word: &str,
        known: &[&'static str],
    ) -> SignersFileError {
        self.fault(format!("{what} {word:?} is unknown"))
            .or_nearest(word, known.iter().copied())
    }
}

impl Field<'_> {
    pub(crate) fn fault(&self, problem: impl Into<String>) -> SignersFileError {
        fault(self.file, self.place.start, problem)
    }
}

impl fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

fn fault(text: &str, place: usize, problem: impl Into<String>) -> SignersFileError {
    let before = text.get(..place).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let last = before.rsplit('\n').next().unwrap_or_default();
    SignersFileError {
        line,
        column: last.chars().count() + 1,
        problem: problem.into(),
        meant: None,
    }
}
