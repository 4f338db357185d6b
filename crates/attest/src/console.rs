//! The only module that writes to the terminal: stdout is the answer, stderr is talk.

mod progress;

use std::cell::Cell;
use std::fmt;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

use serde_json::json;

use crate::args::{Format, Global};
use crate::failure::{Exit, Failure};
use crate::report;

pub(crate) use progress::Progress;

/// Where a run writes, and how.
#[derive(Debug)]
pub(crate) struct Console {
    format: Cell<Format>,
    quiet: Cell<bool>,
    broken: Cell<bool>,
    /// Exit codes of a command that was run for the caller, in the place of ours.
    answer: Cell<Option<u8>>,
    own_failure: Cell<Option<u8>>,
}

impl Console {
    pub(crate) fn standard() -> Self {
        Self {
            format: Cell::new(Format::Human),
            quiet: Cell::new(false),
            broken: Cell::new(false),
            answer: Cell::new(None),
            own_failure: Cell::new(None),
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

    /// A yes is answered with this exit code: that of a command which was run for the caller.
    pub(crate) fn answer_with(&self, code: u8) {
        self.answer.set(Some(code));
    }

    /// Whatever else is answered comes with this exit code.
    pub(crate) fn fail_with(&self, code: u8) {
        self.own_failure.set(Some(code));
    }

    /// The exit code of the process.
    pub(crate) fn code(&self, exit: Exit) -> u8 {
        let instead = match exit {
            Exit::Yes => &self.answer,
            _ => &self.own_failure,
        };
        instead.get().unwrap_or(exit.number())
    }

    pub(crate) fn format(&self) -> Format {
        self.format.get()
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
        self.write(&format!(
            "{}\n",
            json_without_invisible(&format!("{value:#}"))
        ));
    }

    /// The answer in the format of another tool, on stdout, whatever it is.
    pub(crate) fn text(&self, text: &str) {
        self.write(text);
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

    /// One line without which the user cannot do what the run waits for, on stderr whatever the flags.
    #[expect(clippy::unused_self, reason = "what is said goes through the console")]
    pub(crate) fn ask(&self, line: impl fmt::Display) {
        let _ = writeln!(io::stderr(), "{line}");
    }

    /// Progress towards so many things, for people who watch standard error.
    pub(crate) fn progress(&self, what: &'static str, total: usize) -> Progress {
        let is_watched = !self.quiet.get() && io::stderr().is_terminal();
        Progress::new(what, total, is_watched)
    }

    /// Prints a refusal and gives its exit code.
    pub(crate) fn failure(&self, failure: &Failure) -> Exit {
        match self.format() {
            Format::Json => self.json(&json!({
                "version": 1,
                "answer": failure.exit.word(),
                "exit": self.code(failure.exit),
                "error": { "code": failure.code, "message": failure.message, "hint": failure.hint },
            })),
            Format::Sarif => self.json(&report::sarif::failure(failure)),
            Format::Junit => self.text(&report::junit::failure(failure)),
            Format::Github => self.text(&format!("{}\n", report::github::failure(failure))),
            Format::Human | Format::Html | Format::Oscal => {}
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
/// written as `\u{…}`, a backslash as `\\`; line breaks do not survive. Nor does what a build server
/// would take for a command in a log: `::` where a line may begin, and `##` anywhere.
pub(crate) fn escape(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let is_command = text.trim_start().starts_with("::");
    let mut before = None;
    for character in text.chars() {
        let begins = is_command && character == ':' && !shown.ends_with(':') && is_blank(&shown);
        if character == '\\' {
            shown.push_str("\\\\");
        } else if character.is_control()
            || is_invisible(character)
            || begins
            || (character == '#' && before == Some('#'))
        {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
        before = Some(character);
    }
    shown
}

/// Whether nothing but spaces was shown.
fn is_blank(shown: &str) -> bool {
    shown.chars().all(char::is_whitespace)
}

/// JSON in which no character is invisible: it means the same, and no terminal obeys it.
fn json_without_invisible(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for character in json.chars() {
        // Line breaks stand between the strings alone: in a string they are escaped already.
        if character != '\n' && (character.is_control() || is_invisible(character)) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(shown, "\\u{unit:04x}");
            }
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
        | 0xFFF0..=0xFFFB | 0xFFFE..=0xFFFF | 0x1D173..=0x1D17A | 0xE0000..=0xE0FFF)
}

#[cfg(test)]
mod tests {
    use super::{escape, json_without_invisible};

    #[test]
    fn terminal_escapes_and_bidirectional_overrides_are_shown_not_obeyed() {
        assert_eq!(
            escape("a\u{1b}[31mb\n\u{202e}c\\"),
            "a\\u{1b}[31mb\\u{a}\\u{202e}c\\\\"
        );
    }

    #[test]
    fn what_a_build_server_would_take_for_a_command_is_shown_not_obeyed() {
        assert_eq!(escape("::add-mask::x"), "\\u{3a}:add-mask::x");
        assert_eq!(escape(" ::add-mask::x"), " \\u{3a}:add-mask::x");
        assert_eq!(escape("##[group]##vso["), "#\\u{23}[group]#\\u{23}vso[");
        assert_eq!(escape("a::b #1"), "a::b #1");
    }

    #[test]
    fn json_means_the_same_without_invisible_characters() {
        let text = "a\u{9b}31m\u{202e}\u{7f}\u{e0001}ü\n";
        let json = serde_json::Value::from(text).to_string();
        let shown = json_without_invisible(&json);
        assert_eq!(shown, "\"a\\u009b31m\\u202e\\u007f\\udb40\\udc01ü\\n\"");
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
    }

    #[test]
    fn ordinary_text_of_any_script_is_left_alone() {
        assert_eq!(escape("größe 測試 😀"), "größe 測試 😀");
    }
}
