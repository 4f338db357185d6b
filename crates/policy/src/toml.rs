//! Reading TOML so that each fault says where it stands. The only file that names the `toml` crate.

use std::fmt;
use std::ops::Range;

use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};
use jiff::Timestamp;

use crate::limits;
use crate::nearest;

/// What is wrong with a signers file or a policy, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {}", self.problem())]
pub struct FileError {
    line: usize,
    column: usize,
    problem: String,
    meant: Option<&'static str>,
}

impl FileError {
    /// The line, from 1 on.
    pub const fn line(&self) -> usize {
        self.line
    }

    /// The column, from 1 on.
    pub const fn column(&self) -> usize {
        self.column
    }

    /// What is wrong, and what was probably meant.
    pub fn problem(&self) -> String {
        match self.meant {
            Some(meant) => format!("{}; did you mean {meant}?", self.problem),
            None => self.problem.clone(),
        }
    }

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
    pub(crate) fn parse(text: &'t str) -> Result<Self, FileError> {
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
    pub(crate) fn only(&self, known: &[&'static str]) -> Result<(), FileError> {
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

    pub(crate) fn needs(&self, name: &str) -> Result<Item<'t>, FileError> {
        self.has(name)
            .ok_or_else(|| self.fault(format!("{name} is missing")))
    }

    /// The line on which it begins.
    pub(crate) fn line(&self) -> usize {
        self.fault(String::new()).line
    }

    pub(crate) fn fields(&self) -> impl Iterator<Item = (&'t str, &Item<'t>)> {
        self.fields.iter().map(|(name, _, item)| (*name, item))
    }

    pub(crate) fn fault(&self, problem: impl Into<String>) -> FileError {
        fault(self.text, self.place.start, problem)
    }
}

impl<'t> Item<'t> {
    pub(crate) fn table(&self) -> Result<Table<'t>, FileError> {
        match self.value {
            DeValue::Table(table) => Ok(Table::new(self.text, self.place.clone(), table)),
            _ => Err(self.fault("wanted a table")),
        }
    }

    pub(crate) fn items(&self) -> Result<Vec<Self>, FileError> {
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

    pub(crate) fn text(&self) -> Result<Field<'t>, FileError> {
        match self.value {
            DeValue::String(text) => Ok(Field {
                text: text.as_ref(),
                file: self.text,
                place: self.place.clone(),
            }),
            _ => Err(self.fault("wanted a text")),
        }
    }

    /// Whether a text stands here.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self.value, DeValue::String(_))
    }

    /// Whether a table stands here.
    pub(crate) fn is_table(&self) -> bool {
        matches!(self.value, DeValue::Table(_))
    }

    /// Whether a list stands here.
    pub(crate) fn is_list(&self) -> bool {
        matches!(self.value, DeValue::Array(_))
    }

    /// Whether a date or time stands here.
    pub(crate) fn is_time(&self) -> bool {
        matches!(self.value, DeValue::Datetime(_))
    }

    /// True or false, if one of them stands here.
    pub(crate) fn truth(&self) -> Option<bool> {
        match self.value {
            DeValue::Boolean(truth) => Some(*truth),
            _ => None,
        }
    }

    /// A whole number, if one stands here.
    pub(crate) fn whole(&self) -> Option<i64> {
        match self.value {
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().parse().ok(),
            _ => None,
        }
    }

    /// True or false.
    pub(crate) fn boolean(&self) -> Result<bool, FileError> {
        self.truth()
            .ok_or_else(|| self.fault("wanted true or false"))
    }

    /// A list of texts.
    pub(crate) fn texts(&self) -> Result<Vec<Field<'t>>, FileError> {
        self.items()?.iter().map(Self::text).collect()
    }

    /// A list of texts, or one text.
    pub(crate) fn texts_of(self) -> Result<Vec<Field<'t>>, FileError> {
        match self.value {
            DeValue::String(_) => Ok(vec![self.text()?]),
            _ => self.texts(),
        }
    }

    pub(crate) fn number(&self) -> Result<u64, FileError> {
        let number = match self.value {
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().parse().ok(),
            _ => None,
        };
        number.ok_or_else(|| self.fault("wanted a whole number"))
    }

    /// A time that means one moment everywhere.
    pub(crate) fn time(&self) -> Result<Timestamp, FileError> {
        let time = match self.value {
            DeValue::Datetime(time) => time.to_string().parse().ok(),
            DeValue::String(text) => text.parse().ok(),
            _ => None,
        };
        time.ok_or_else(|| {
            self.fault("wanted a time with its offset, such as 2026-05-11T00:00:00Z")
        })
    }

    pub(crate) fn fault(&self, problem: impl Into<String>) -> FileError {
        fault(self.text, self.place.start, problem)
    }

    pub(crate) fn unknown(&self, what: &str, word: &str, known: &[&'static str]) -> FileError {
        self.fault(format!("{what} {word:?} is unknown"))
            .or_nearest(word, known.iter().copied())
    }
}

impl<'t> Field<'t> {
    /// The text, which must be printable and not empty.
    pub(crate) fn clean(&self) -> Result<&'t str, FileError> {
        if self.text.is_empty() {
            return Err(self.fault("the text is empty"));
        }
        match self.text.chars().find(|it| it.is_control()) {
            Some(found) => Err(self.fault(format!("{found:?} in a text"))),
            None => Ok(self.text),
        }
    }

    pub(crate) fn fault(&self, problem: impl Into<String>) -> FileError {
        fault(self.file, self.place.start, problem)
    }
}

impl fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

fn fault(text: &str, place: usize, problem: impl Into<String>) -> FileError {
    let before = text.get(..place).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let last = before.rsplit('\n').next().unwrap_or_default();
    FileError {
        line,
        column: last.chars().count() + 1,
        problem: problem.into(),
        meant: None,
    }
}
