//! Running inspections: commands that the owner of a layout wants run on what is verified.
//!
//! They run with the rights of whoever verifies. A copy keeps them from changing the files at hand by
//! accident, a timeout from staying; nothing keeps them from anything else.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use attest_digest::{DigestSet, Hashes, RelativePath, Root, WalkLimits};
use attest_provenance::in_toto::{Artifacts, Inspection, Layout, StepName};
use attest_verify::layout::{Files, InspectionRun};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::failure::Failure;
use crate::programs;

/// Runs all inspections of a layout, one after another, in one temporary copy of a folder.
pub(crate) fn run(
    layout: &Layout,
    products: &Path,
    seconds: u64,
) -> Result<BTreeMap<StepName, InspectionRun>, Failure> {
    let copy = Scratch::new().map_err(|error| failed(&error))?;
    let top = copy.path.join("products");
    copy_files(products, &top)?;
    let mut runs = BTreeMap::new();
    for inspection in &layout.inspections {
        let materials = record(&top)?;
        let returned = returned(inspection, &top, &copy.path, Duration::from_secs(seconds));
        let files = Files {
            materials,
            products: record(&top)?,
        };
        runs.insert(inspection.name.clone(), InspectionRun { files, returned });
    }
    Ok(runs)
}

/// A folder that only we can enter, and that goes when we do.
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    fn new() -> std::io::Result<Self> {
        let mut number = 0;
        loop {
            let name = format!("attest-inspection-{}-{number}", std::process::id());
            let path = std::env::temp_dir().join(name);
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self { path }),
                Err(error) if error.kind() == ErrorKind::AlreadyExists && number < TRIES => {
                    number += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// What the command returned; `None` if a signal or the timeout ended it.
fn returned(inspection: &Inspection, folder: &Path, home: &Path, timeout: Duration) -> Option<i32> {
    let (program, arguments) = inspection.run.split_first()?;
    // It runs among files that somebody else made: none of them is the program that is meant.
    let path = programs::absolute_folders(&std::env::var_os("PATH").unwrap_or_default());
    let child = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", path)
        .env("HOME", home)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn();
    let mut child = child.ok()?;
    let status = wait(&mut child, timeout);
    // What it left running in its group ends with it.
    if let Ok(group) = i32::try_from(child.id())
        && let Some(group) = Pid::from_raw(group)
    {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
    status
}

fn wait(child: &mut Child, timeout: Duration) -> Option<i32> {
    let start = Instant::now();
    while start.elapsed() < timeout {
        match child.try_wait() {
            Ok(Some(status)) => {
                return status.code().or_else(|| status.signal().map(|it| 128 + it));
            }
            Ok(None) => std::thread::sleep(Duration::from_millis(10)),
            Err(_) => return None,
        }
    }
    None
}

/// Every regular file, by path, as the reference records a folder: without links of in-toto, `.git`,
/// `*.pyc` and `*~`.
fn record(folder: &Path) -> Result<Artifacts, Failure> {
    let root = Root::open(folder).map_err(|error| failed(&error))?;
    let tree = root
        .walk(&WalkLimits::default())
        .map_err(|error| failed(&error))?;
    let paths: Vec<RelativePath> = tree
        .files()
        .map(|(path, _)| path.clone())
        .filter(|path| !path.components().any(is_left_out))
        .collect();
    let mut artifacts = Artifacts::new();
    for (path, read) in paths.iter().zip(root.read_all(&paths, Hashes::Sha256)) {
        let artifact = read.map_err(|error| failed(&error))?;
        artifacts
            .insert(path.clone(), DigestSet::from(artifact.sha256()))
            .map_err(|error| failed(&error))?;
    }
    Ok(artifacts)
}

fn is_left_out(name: &str) -> bool {
    let is_code = Path::new(name).extension().is_some_and(|it| it == "pyc");
    name == ".git" || name.contains(".link") || name.ends_with('~') || is_code
}

fn copy_files(from: &Path, to: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(to).map_err(|error| failed(&error))?;
    if from.is_file() {
        let name = from.file_name().unwrap_or_default();
        std::fs::copy(from, to.join(name)).map_err(|error| failed(&error))?;
        return Ok(());
    }
    let root = Root::open(from).map_err(|error| failed(&error))?;
    let tree = root
        .walk(&WalkLimits::default())
        .map_err(|error| failed(&error))?;
    for (path, _) in tree.files() {
        let target = to.join(path.as_str());
        let parent = target.parent().unwrap_or(to);
        std::fs::create_dir_all(parent).map_err(|error| failed(&error))?;
        std::fs::copy(from.join(path.as_str()), &target).map_err(|error| failed(&error))?;
    }
    Ok(())
}

fn failed(error: &dyn std::error::Error) -> Failure {
    Failure::unknown("inspection-unprepared", crate::failure::with_source(error))
}

/// Names that are tried for a folder.
const TRIES: u32 = 1000;
