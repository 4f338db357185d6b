//! Running a command as it would run by itself.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use crate::limits;
use crate::signals::Relay;
use crate::streams::{Stream, Tap};

/// A command that is to be run: searched in `PATH`, with our terminal, standard input, folder, and
/// environment.
#[derive(Debug)]
pub struct Invocation {
    /// The program, and what it is given.
    pub words: Vec<OsString>,
    /// Variables of our environment that are ours alone.
    pub withheld: Vec<OsString>,
}

/// What becomes of the output of the command.
pub enum Output {
    /// It is the command's own affair: it writes where we write.
    Inherited,
    /// It comes to us through pipes, and is passed on to these as it comes.
    Recorded {
        /// Where standard output goes.
        out: Box<dyn Write + Send>,
        /// Where standard error goes.
        err: Box<dyn Write + Send>,
    },
}

/// A command that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How.
    pub outcome: Outcome,
    /// What it wrote, if that was to be recorded.
    pub streams: Option<Streams>,
}

/// What a command wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Streams {
    /// To standard output.
    pub out: Stream,
    /// To standard error.
    pub err: Stream,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// By itself, with this exit code.
    Exited(u8),
    /// By a signal.
    Killed(u8),
}

impl Outcome {
    /// The exit code as a shell gives it: 128 and the signal for one that was killed.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Exited(code) => code,
            Self::Killed(signal) => 128_u8.saturating_add(signal),
        }
    }

    /// The `return-value` of a link, as in-toto writes it: a signal is negative.
    pub fn return_value(self) -> i64 {
        match self {
            Self::Exited(code) => i64::from(code),
            Self::Killed(signal) => -i64::from(signal),
        }
    }

    /// Whether the command says that it did what it should.
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Exited(0))
    }

    fn of(status: ExitStatus) -> Self {
        let byte = |number: i32| u8::try_from(number).unwrap_or(u8::MAX);
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exited(byte(code)),
            (None, Some(signal)) => Self::Killed(byte(signal)),
            // Waited for, it has done one or the other.
            (None, None) => Self::Exited(u8::MAX),
        }
    }
}

/// Why a command was not run, or not seen to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// There is no program in the command.
    #[error("the command has no words")]
    Empty,
    /// It could not be started.
    #[error("{program:?} cannot be started")]
    Start {
        /// What was to be started.
        program: OsString,
        /// What the system said.
        source: io::Error,
    },
    /// The system would not let us watch it.
    #[error("the command cannot be watched")]
    Watch {
        /// What the system said.
        source: io::Error,
    },
}

impl RunError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty | Self::Start { .. } => "command-not-started",
            Self::Watch { .. } => "command-not-watched",
        }
    }
}

impl Invocation {
    /// Runs the command to its end.
    ///
    /// Signals that are sent to this process meanwhile go to the command; when it has ended they have
    /// their ordinary effect again. A process that the command leaves behind is not waited for, and its
    /// output is passed on only as long as this process lives.
    ///
    /// # Errors
    /// The command cannot be started, or not be waited for.
    pub fn run(&self, output: Output) -> Result<Ended, RunError> {
        let mut command = self.command()?;
        let watch = |source| RunError::Watch { source };
        let relay = Relay::start().map_err(watch)?;
        let is_recorded = matches!(output, Output::Recorded { .. });
        if is_recorded {
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
        }
        let started = relay.starting(|| command.spawn());
        let mut child = started.map_err(|source| RunError::Start {
            program: self.words.first().cloned().unwrap_or_default(),
            source,
        })?;
        let process = Pid::from_child(&child);
        let taps = match output {
            Output::Inherited => None,
            Output::Recorded { out, err } => taps(&mut child, out, err).map_err(watch)?,
        };
        wait_until_ended(process).map_err(watch)?;
        relay.command_ended();
        let outcome = Outcome::of(child.wait().map_err(watch)?);
        let until = Instant::now() + Duration::from_secs(limits::STREAM_GRACE_SECONDS);
        let streams = taps.map(|(out, err)| Streams {
            out: out.close(until),
            err: err.close(until),
        });
        Ok(Ended { outcome, streams })
    }

    fn command(&self) -> Result<Command, RunError> {
        let (program, arguments) = self.words.split_first().ok_or(RunError::Empty)?;
        let mut command = Command::new(program);
        command.args(arguments);
        for name in &self.withheld {
            command.env_remove(name);
        }
        Ok(command)
    }
}

type Taps = Option<(Tap, Tap)>;

fn taps(
    child: &mut Child,
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
) -> io::Result<Taps> {
    match (child.stdout.take(), child.stderr.take()) {
        (Some(from_out), Some(from_err)) => {
            Ok(Some((Tap::open(from_out, out)?, Tap::open(from_err, err)?)))
        }
        _ => Ok(None),
    }
}

/// Waits without taking the process from the system's table: until somebody does, its number is its own.
fn wait_until_ended(process: Pid) -> io::Result<()> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    loop {
        match waitid(WaitId::Pid(process), options) {
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(words: &[&str], output: Output) -> Result<Ended, &'static str> {
        let invocation = Invocation {
            words: words.iter().map(OsString::from).collect(),
            withheld: vec!["ATTEST_WITHHELD".into()],
        };
        invocation.run(output).map_err(|error| error.code())
    }

    fn recorded() -> Output {
        Output::Recorded {
            out: Box::new(io::sink()),
            err: Box::new(io::sink()),
        }
    }

    #[test]
    fn every_exit_code_is_the_commands_own() {
        for code in (0..=255).step_by(15) {
            let ended = run(&["sh", "-c", &format!("exit {code}")], Output::Inherited);
            let outcome = ended.unwrap().outcome;
            assert_eq!(i32::from(outcome.exit_code()), code);
            assert_eq!(outcome.return_value(), i64::from(code));
            assert_eq!(outcome.is_success(), code == 0);
        }
    }

    #[test]
    fn a_command_that_is_killed_says_by_which_signal() {
        for (name, number) in [("KILL", 9), ("TERM", 15), ("SEGV", 11)] {
            let ended = run(
                &["sh", "-c", &format!("kill -{name} $$")],
                Output::Inherited,
            );
            let outcome = ended.unwrap().outcome;
            assert_eq!(outcome, Outcome::Killed(number));
            assert_eq!(outcome.exit_code(), 128 + number);
            assert_eq!(outcome.return_value(), -i64::from(number));
        }
    }

    #[test]
    fn a_command_that_is_not_there_is_not_started() {
        assert_eq!(run(&[], Output::Inherited), Err("command-not-started"));
        for program in ["/nowhere/at-all", "no-such-program-at-all", "/", ""] {
            assert_eq!(
                run(&[program], Output::Inherited),
                Err("command-not-started")
            );
        }
    }

    #[test]
    fn both_streams_are_kept_apart() {
        let ended = run(&["sh", "-c", "echo out; echo err >&2"], recorded()).unwrap();
        let streams = ended.streams.unwrap();
        assert_eq!(streams.out.kept(), b"out\n");
        assert_eq!(streams.err.kept(), b"err\n");
        assert!(streams.out.is_whole() && streams.err.is_whole());
    }

    #[test]
    fn somebody_who_keeps_the_stream_open_is_not_waited_for() {
        let begin = Instant::now();
        let ended = run(&["sh", "-c", "sleep 60 & echo out"], recorded()).unwrap();
        assert!(begin.elapsed() < Duration::from_secs(30));
        let streams = ended.streams.unwrap();
        assert_eq!(streams.out.kept(), b"out\n");
        assert!(streams.out.was_left_open() && streams.err.was_left_open());
    }

    #[test]
    fn a_huge_output_fills_no_memory_and_blocks_nobody() {
        let script = "head -c 50000000 /dev/zero; head -c 50000000 /dev/zero >&2";
        let streams = run(&["sh", "-c", script], recorded())
            .unwrap()
            .streams
            .unwrap();
        for stream in [streams.out, streams.err] {
            assert_eq!(stream.bytes(), 50_000_000);
            assert_eq!(stream.kept().len(), limits::STREAM_BYTES);
        }
    }
}
