//! The outline of JSON text, without building it: where documents end, and which fields stand at
//! their top. It decides only who reads a document; that reader then reads all of it.

use crate::dialect::DialectError;
use crate::limits;

/// A document's fields.
pub(super) struct Document<'t> {
    fields: Vec<&'t [u8]>,
    /// Bytes of the first value; none if it does not end.
    end: usize,
    values: usize,
}

impl Document<'_> {
    /// How many values it has.
    pub(super) const fn values(&self) -> usize {
        self.values
    }

    pub(super) fn has(&self, field: &str) -> bool {
        self.fields.contains(&field.as_bytes())
    }
}

/// The text's lines, if the first holds a whole document and there are others.
pub(super) fn lines(text: &[u8]) -> Option<Vec<&[u8]>> {
    let text = text.trim_ascii();
    let end = text.iter().position(|byte| *byte == b'\n')?;
    let first = text.get(..end)?;
    let is_whole = document(first).is_ok_and(|it| it.end > 0 && it.end == first.len());
    // One more than is read, so that it is noticed.
    let most = limits::EVIDENCE_PIECES + 1;
    is_whole.then(|| text.split(|byte| *byte == b'\n').take(most).collect())
}

/// The fields at the top of a text's first value.
///
/// # Errors
/// There are more values than any evidence has.
pub(super) fn document(text: &[u8]) -> Result<Document<'_>, DialectError> {
    let mut scan = Scan::default();
    for (at, byte) in text.iter().enumerate() {
        scan.step(at, *byte);
        if scan.values > limits::BUNDLE_VALUES {
            return Err(DialectError::TooManyValues);
        }
    }
    let fields = scan
        .fields
        .iter()
        .filter_map(|(begin, end)| text.get(*begin..*end));
    Ok(Document {
        fields: fields.collect(),
        end: scan.end.unwrap_or(0),
        values: scan.values,
    })
}

/// Where a scan is.
#[derive(Default)]
struct Scan {
    depth: usize,
    /// Where the string began that is being read.
    string: Option<usize>,
    escaped: bool,
    /// The last string at the top of the document, until what follows says whether it is a field.
    last: Option<(usize, usize)>,
    fields: Vec<(usize, usize)>,
    values: usize,
    end: Option<usize>,
}

impl Scan {
    fn step(&mut self, at: usize, byte: u8) {
        if let Some(begin) = self.string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => {
                    self.string = None;
                    self.last = (self.depth == 1).then_some((begin, at));
                }
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => self.string = Some(at + 1),
            b'{' | b'[' => {
                self.depth += 1;
                self.values += 1;
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 && self.end.is_none() {
                    self.end = Some(at + 1);
                }
            }
            b',' => self.values += 1,
            // After the first value nothing is a field of it.
            b':' if self.end.is_none() => self.fields.extend(self.last.take()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{document, lines};

    #[test]
    fn only_fields_at_the_top_are_seen() {
        let text = br#" {"a": {"b":1}, "c":["d:",{"e":2}], "f":"g","h\"":1}{"i":1}"#;
        let document = document(text).unwrap();
        for (field, there) in [
            ("a", true),
            ("b", false),
            ("c", true),
            ("d:", false),
            ("e", false),
            ("f", true),
            ("g", false),
            ("h\\\"", true),
            ("i", false),
        ] {
            assert_eq!(document.has(field), there, "{field}");
        }
    }

    #[test]
    fn lines_are_documents_only_when_the_first_is_whole() {
        assert_eq!(lines(b"{\"a\":1}\n{}\n").unwrap().len(), 2);
        assert_eq!(lines(b"{\"a\":1}\n\n{}").unwrap().len(), 3);
        for one in [
            &b"{}"[..],
            b"{}\n",
            b"\n{}\n\n",
            b"{\n}\n",
            b"{} {}\n{}",
            b"{\n}\n{}",
            b"",
        ] {
            assert!(lines(one).is_none(), "{one:?}");
        }
    }
}
