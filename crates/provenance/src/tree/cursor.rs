//! Reads the one spelling that a line has; there is no other, so that equal manifests have equal bytes.

use attest_digest::{Algorithm, Digest};

/// A line of a manifest, and how far it was read.
pub(super) struct Cursor<'a> {
    line: &'a str,
    at: usize,
}

/// What should have stood where.
pub(super) struct Unexpected {
    pub(super) at: usize,
    pub(super) wanted: &'static str,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(line: &'a str) -> Self {
        Self { line, at: 0 }
    }

    fn rest(&self) -> &'a str {
        self.line.get(self.at..).unwrap_or_default()
    }

    pub(super) fn unexpected<T>(&self, wanted: &'static str) -> Result<T, Unexpected> {
        Err(Unexpected {
            at: self.at,
            wanted,
        })
    }

    /// Goes past this text, if it is next.
    pub(super) fn take(&mut self, text: &str) -> bool {
        let is_next = self.rest().starts_with(text);
        if is_next {
            self.at += text.len();
        }
        is_next
    }

    pub(super) fn expect(&mut self, text: &'static str) -> Result<(), Unexpected> {
        if self.take(text) {
            return Ok(());
        }
        self.unexpected(text)
    }

    pub(super) fn end(&self) -> Result<(), Unexpected> {
        if self.rest().is_empty() {
            return Ok(());
        }
        self.unexpected("the end of the line")
    }

    /// A decimal integer without a sign or zeros before it.
    pub(super) fn number(&mut self) -> Result<u64, Unexpected> {
        let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        let text = self.rest().get(..digits).unwrap_or_default();
        let is_canonical = digits > 0 && (digits == 1 || !text.starts_with('0'));
        match text.parse() {
            Ok(number) if is_canonical => {
                self.at += digits;
                Ok(number)
            }
            _ => self.unexpected("a decimal integer"),
        }
    }

    pub(super) fn number_of_32_bits(&mut self) -> Result<u32, Unexpected> {
        let at = self.at;
        let wanted = "a decimal integer of 32 bits";
        u32::try_from(self.number()?).map_err(|_| Unexpected { at, wanted })
    }

    /// A string in which only `"` and `\` are escaped, and nothing else may be.
    pub(super) fn string(&mut self) -> Result<String, Unexpected> {
        self.expect("\"")?;
        let mut text = String::new();
        loop {
            let plain = self.rest().find(['"', '\\']).unwrap_or(self.rest().len());
            let (before, after) = self.rest().split_at(plain);
            if before.bytes().any(|byte| byte < b' ') {
                return self.unexpected("a string without control characters");
            }
            text.push_str(before);
            self.at += plain;
            if after.starts_with('"') {
                self.at += 1;
                return Ok(text);
            }
            let escaped = match after.as_bytes() {
                [b'\\', b'"', ..] => '"',
                [b'\\', b'\\', ..] => '\\',
                _ => return self.unexpected("a string"),
            };
            text.push(escaped);
            self.at += 2;
        }
    }

    /// Strings in rising order.
    pub(super) fn strings(&mut self, most: usize) -> Result<Vec<String>, Unexpected> {
        self.expect("[")?;
        let mut strings: Vec<String> = Vec::new();
        while !self.take("]") {
            if !strings.is_empty() {
                self.expect(",")?;
            }
            let at = self.at;
            let next = self.string()?;
            if strings.len() >= most || strings.last().is_some_and(|last| *last >= next) {
                let wanted = "strings in rising order, and not too many";
                return Err(Unexpected { at, wanted });
            }
            strings.push(next);
        }
        Ok(strings)
    }

    /// Four octal digits.
    pub(super) fn mode(&mut self) -> Result<u16, Unexpected> {
        let at = self.at;
        let text = self.string()?;
        let wanted = "four octal digits";
        let is_octal = text.len() == 4 && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
        match u16::from_str_radix(&text, 8) {
            Ok(mode) if is_octal => Ok(mode),
            _ => Err(Unexpected { at, wanted }),
        }
    }

    pub(super) fn digest(&mut self, algorithm: Algorithm) -> Result<Digest, Unexpected> {
        let at = self.at;
        let wanted = "a digest";
        Digest::from_hex(algorithm, &self.string()?).map_err(|_| Unexpected { at, wanted })
    }
}

/// Writes a string as [`Cursor::string`] reads it.
pub(super) fn push_string(line: &mut String, text: &str) {
    line.push('"');
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            line.push('\\');
        }
        line.push(character);
    }
    line.push('"');
}

pub(super) fn push_strings<'t>(line: &mut String, texts: impl IntoIterator<Item = &'t str>) {
    line.push('[');
    for (index, text) in texts.into_iter().enumerate() {
        if index > 0 {
            line.push(',');
        }
        push_string(line, text);
    }
    line.push(']');
}
