//! The only module that writes to the terminal: stdout is the answer, stderr is talk.

mod progress;

use std::cell::Cell;
use std::fmt;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

use serde_json::json;

use crate::args::{Format, Global};
use crate::failure::{Exit, Failure};

pub(crate) use progress::Progress;

/// Where a run writes, and how.
#[derive(Debug)]
pub(crate) struct Console {
    format: Cell<Format>,
    quiet: Cell<bool>,
    broken: Cell<bool>,
}

impl Console {
    pub(crate) fn standard() -> Self {
        Self {
            format: Cell::new(Format::Human),
            quiet: Cell::new(false),
            broken: Cell::new(false),
        }
    }

    /// The format of what is said before the arguments are understood.
    pub(crate) fn expect(&self, format: Format) {
        self.format.set(format);
    }

    pub(crate) fn configure(&self, global: &Global) {
        self.format.set(global.format);
        self.quiet.set(global.quiet);
    }

    pub(crate) fn is_json(&self) -> bool {
        self.format.get() == Format::Json
    }

    /// One line of the answer, on stdout. Silent with `--quiet`.
    pub(crate) fn say(&self, line: impl fmt::Display) {
        if !self.quiet.get() {
            self.write(&format!("{line}\n"));
        }
    }

    /// The JSON object of this run, on stdout, whatever the answer.
    pub(crate) fn json(&self, value: &serde_json::Value) {
        self.write(&format!("{value:#}\n"));
    }

    /// Raw bytes of the answer: a key, a note, a proof.
    #[expect(clippy::unused_self, reason = "what is said goes through the console")]
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        out.write_all(bytes)
            .and_then(|()| out.flush())
            .map_err(|error| Failure::unknown("output-failed", format!("stdout: {error}")))
    }

    /// One line of talk, on stderr. Silent with `--quiet`.
    pub(crate) fn note(&self, line: impl fmt::Display) {
        if !self.quiet.get() {
            let _ = writeln!(io::stderr(), "{line}");
        }
    }

    /// Progress towards so many things, for people who watch standard error.
    pub(crate) fn progress(&self, what: &'static str, total: usize) -> Progress {
        let is_watched = !self.quiet.get() && io::stderr().is_terminal();
        Progress::new(what, total, is_watched)
    }

    /// Prints a refusal and gives its exit code.
    pub(crate) fn failure(&self, failure: &Failure) -> Exit {
        if self.is_json() {
            self.json(&json!({
                "version": 1,
                "answer": failure.exit.word(),
                "exit": failure.exit.number(),
                "error": { "code": failure.code, "message": failure.message, "hint": failure.hint },
            }));
        }
        let mut text = format!("error[{}]: {}\n", failure.code, escape(&failure.message));
        if let Some(hint) = &failure.hint {
            let _ = writeln!(text, "hint: {}", escape(hint));
        }
        let _ = io::stderr().write_all(text.as_bytes());
        failure.exit
    }

    /// Whether everything that was said reached stdout; an answer that nobody could read is not a yes.
    pub(crate) fn finish(&self, exit: Exit) -> Exit {
        if self.broken.get() && exit == Exit::Yes {
            Exit::Unknown
        } else {
            exit
        }
    }

    fn write(&self, text: &str) {
        let mut out = io::stdout().lock();
        if out
            .write_all(text.as_bytes())
            .and_then(|()| out.flush())
            .is_err()
        {
            self.broken.set(true);
        }
    }
}

/// Untrusted text made safe to show: control, bidirectional and other invisible characters are
/// written as `\u{…}`, a backslash as `\\`; line breaks do not survive.
pub(crate) fn escape(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character == '\\' {
            shown.push_str("\\\\");
        } else if character.is_control() || is_invisible(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

fn is_invisible(character: char) -> bool {
    matches!(u32::from(character),
        0x00AD | 0x034F | 0x061C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180E
        | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0
        | 0xFFF0..=0xFFFB | 0x1D173..=0x1D17A | 0xE0000..=0xE0FFF)
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn terminal_escapes_and_bidirectional_overrides_are_shown_not_obeyed() {
        assert_eq!(
            escape("a\u{1b}[31mb\n\u{202e}c\\"),
            "a\\u{1b}[31mb\\u{a}\\u{202e}c\\\\"
        );
    }

    #[test]
    fn ordinary_text_of_any_script_is_left_alone() {
        assert_eq!(escape("größe 測試 😀"), "größe 測試 😀");
    }
}
