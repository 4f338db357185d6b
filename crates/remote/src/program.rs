//! Programs that are asked for something, for a while, and for a few bytes.

use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Runs a program that is told `input`: until it has said everything, which are at most so many bytes, and
/// has ended, or until our patience ends. Whether it succeeded, and what it said.
///
/// # Errors
/// It cannot be run, says more, or takes longer.
pub fn run_program(
    program: &mut Command,
    input: &str,
    (patience, most): (Duration, usize),
) -> Result<(bool, Vec<u8>), String> {
    let until = Instant::now() + patience;
    let mut child = program
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("it cannot be run: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not want to know it says what it says without.
        let _ = stdin.write_all(input.as_bytes());
    }
    let slow = || format!("no answer within {} s", patience.as_secs_f32());
    let heard = output(&mut child, until, most, &slow)
        .and_then(|output| Ok((ended(&mut child, until, &slow)?.success(), output)));
    if heard.is_err() {
        let _ = child.kill();
        let _ = child.wait();
    }
    heard
}

/// Waits for its end: one that has said everything may still not go.
fn ended(
    child: &mut Child,
    until: Instant,
    slow: &dyn Fn() -> String,
) -> Result<ExitStatus, String> {
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            return Ok(status);
        }
        if Instant::now() >= until {
            return Err(slow());
        }
        thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn output(
    child: &mut Child,
    until: Instant,
    most: usize,
    slow: &dyn Fn() -> String,
) -> Result<Vec<u8>, String> {
    let Some(stdout) = child.stdout.take() else {
        return Ok(Vec::new());
    };
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = stdout.take(most as u64 + 1).read_to_end(&mut bytes);
        // Nobody waits any more: then nobody needs it.
        let _ = sender.send(read.map(|_| bytes));
    });
    let bytes = receiver
        .recv_timeout(until.saturating_duration_since(Instant::now()))
        .map_err(|_| slow())?
        .map_err(|error| error.to_string())?;
    if bytes.len() > most {
        return Err(format!("it gives more than {most} bytes"));
    }
    Ok(bytes)
}

const LONGEST_PAUSE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(line: &str) -> Result<(bool, Vec<u8>), String> {
        let mut shell = Command::new("/bin/sh");
        let limits = (Duration::from_millis(700), 4096);
        run_program(shell.args(["-c", line]), "registry.example", limits)
    }

    #[test]
    fn a_program_is_told_what_it_is_for_and_heard() {
        let found = shell("read server; echo \"$server\"").unwrap();
        assert_eq!(found, (true, b"registry.example\n".to_vec()));
        // One that does not ask is heard all the same, and so is how it ended.
        assert_eq!(shell("echo no; exit 3").unwrap(), (false, b"no\n".to_vec()));
    }

    #[test]
    fn a_program_that_hangs_is_left_wherever_it_does() {
        for line in [
            "exec sleep 60",
            // What it has said is no answer before it has ended.
            "echo said; exec sleep 60",
            "echo said; exec >&-; exec sleep 60",
            // One that leaves somebody behind who holds the line.
            "sleep 60 & echo said",
            "trap '' TERM; while :; do sleep 1; done",
        ] {
            let started = Instant::now();
            let refused = shell(line).unwrap_err();
            assert!(
                refused.starts_with("no answer within 0.7 s"),
                "{line}: {refused}"
            );
            assert!(started.elapsed() < Duration::from_secs(10), "{line}");
        }
    }

    #[test]
    fn a_program_that_does_not_stop_talking_is_left() {
        let refused = shell("while :; do echo 0123456789012345678901234567890123456789; done");
        assert!(refused.unwrap_err().contains("more than"));
    }
}
