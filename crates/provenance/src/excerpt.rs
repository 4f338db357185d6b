//! Text of an attacker inside our own messages.

use std::fmt;

/// At most [`MOST`] characters of a claimed text, quoted, with control characters escaped.
pub(crate) struct Excerpt<'a>(pub(crate) &'a str);

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(MOST) {
            Some((end, _)) => write!(f, "{:?}…", self.0.get(..end).unwrap_or_default()),
            None => write!(f, "{:?}", self.0),
        }
    }
}

const MOST: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(Excerpt("a\u{1b}[31m\n").to_string(), r#""a\u{1b}[31m\n""#);
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let shown = Excerpt(&"é".repeat(1000)).to_string();
        assert_eq!(shown, format!("\"{}\"…", "é".repeat(MOST)));
    }
}
