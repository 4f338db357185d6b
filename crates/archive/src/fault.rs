//! Where a test can stop the process, let the system fail, or watch: before each change to the disk.
//!
//! In the product this is nothing.

use std::path::Path;

/// A step that changes the disk.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "only tests look at the places"))]
pub(crate) enum Step<'a> {
    MakeFolder(&'a Path),
    Create(&'a Path, &'a Path),
    Write(&'a Path, &'a Path),
    /// From a folder and name to another.
    Move(&'a Path, &'a Path, &'a Path, &'a Path),
    Remove(&'a Path, &'a Path),
    SyncFile(&'a Path),
    SyncFolder(&'a Path),
    SyncFileSystem,
}

#[cfg(not(test))]
impl Step<'_> {
    /// Called before the step.
    #[expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "the test's version fails"
    )]
    pub(crate) const fn take(self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
pub(crate) use armed::{Fault, arm, taken};

#[cfg(test)]
mod armed {
    use std::io;
    use std::sync::Mutex;

    use super::Step;

    /// What happens at the step.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Fault {
        Kill,
        DiskFull,
    }

    /// The steps taken, and the one (from 1) that fails.
    struct Plan {
        taken: Vec<String>,
        at: usize,
        fault: Fault,
    }

    static PLAN: Mutex<Option<Plan>> = Mutex::new(None);

    /// From now on steps are counted, and one fails. For this whole process: only for a child that a
    /// test started.
    pub(crate) fn arm(at: usize, fault: Fault) {
        *PLAN.lock().unwrap() = Some(Plan {
            taken: Vec::new(),
            at,
            fault,
        });
    }

    /// The steps taken since.
    pub(crate) fn taken() -> Vec<String> {
        PLAN.lock()
            .unwrap()
            .as_ref()
            .map_or(Vec::new(), |plan| plan.taken.clone())
    }

    impl Step<'_> {
        pub(crate) fn take(self) -> io::Result<()> {
            let mut plan = PLAN.lock().unwrap();
            let Some(plan) = plan.as_mut() else {
                return Ok(());
            };
            plan.taken.push(self.line());
            match plan.fault {
                _ if plan.taken.len() != plan.at => Ok(()),
                Fault::Kill => kill(),
                Fault::DiskFull => Err(rustix::io::Errno::NOSPC.into()),
            }
        }

        fn line(self) -> String {
            match self {
                Self::MakeFolder(path) => format!("make {}", path.display()),
                Self::Create(folder, name) => format!("create {}", folder.join(name).display()),
                Self::Write(folder, name) => format!("write {}", folder.join(name).display()),
                Self::Move(from, old, to, new) => {
                    format!(
                        "move {} {}",
                        from.join(old).display(),
                        to.join(new).display()
                    )
                }
                Self::Remove(folder, name) => format!("remove {}", folder.join(name).display()),
                Self::SyncFile(path) => format!("sync-file {}", path.display()),
                Self::SyncFolder(path) => format!("sync-folder {}", path.display()),
                Self::SyncFileSystem => "sync-all".to_owned(),
            }
        }
    }

    /// As the power button does: no destructor runs.
    fn kill() -> ! {
        let this = rustix::process::getpid();
        rustix::process::kill_process(this, rustix::process::Signal::KILL).unwrap();
        unreachable!("SIGKILL cannot be caught")
    }
}
