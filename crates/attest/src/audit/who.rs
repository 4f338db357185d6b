//! Who runs this, as far as the system and the environment say so.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use attest_archive::audit::Fact;
use attest_provenance::ci::{Provider, Record};
use serde_json::Value;

use super::shown;

/// The user's number, by the system; the number with which the user logged in, by the kernel's audit;
/// the user's and the machine's names, by their lists; the build service, by its own environment.
pub(super) fn facts() -> BTreeMap<Fact, Value> {
    let uid = rustix::process::getuid().as_raw();
    let mut facts = BTreeMap::from([
        (
            Fact::Program,
            text(concat!("attest ", env!("CARGO_PKG_VERSION"))),
        ),
        (Fact::Uid, Value::from(uid)),
    ]);
    let more = [
        (Fact::User, name_of(uid).map(|it| text(&it))),
        (Fact::LoginUid, login_uid().map(Value::from)),
        (
            Fact::Host,
            read("/proc/sys/kernel/hostname").map(|it| text(it.trim())),
        ),
    ];
    facts.extend(
        more.into_iter()
            .filter_map(|(fact, value)| Some((fact, value?))),
    );
    facts.extend(service());
    facts
}

/// The same in one line, for what is signed.
pub(crate) fn words() -> String {
    let uid = rustix::process::getuid().as_raw();
    let name = name_of(uid).map_or_else(|| "somebody".to_owned(), |it| shown(&it));
    let host = read("/proc/sys/kernel/hostname").map(|it| shown(it.trim()));
    format!("{name} (uid {uid}) on {}", host.unwrap_or_default())
        .trim_end()
        .to_owned()
}

/// What the environment of a build service says; whoever starts the process can set it.
fn service() -> Vec<(Fact, Value)> {
    let Some(record) = Record::from_environment(std::env::vars_os()) else {
        return Vec::new();
    };
    let (actor, run) = match record.provider() {
        Provider::GitHub => ("GITHUB_ACTOR", "GITHUB_RUN_ID"),
        Provider::GitLab => ("GITLAB_USER_LOGIN", "CI_JOB_ID"),
        Provider::Jenkins => ("BUILD_USER_ID", "BUILD_TAG"),
    };
    let variable = |name: &str| std::env::var(name).ok().filter(|it| !it.is_empty());
    let more = [
        (Fact::CiActor, variable(actor)),
        (Fact::CiRun, variable(run)),
    ];
    let service = (Fact::Ci, text(record.provider().name()));
    let more = more
        .into_iter()
        .filter_map(|(fact, value)| Some((fact, text(&value?))));
    [service].into_iter().chain(more).collect()
}

fn name_of(uid: u32) -> Option<String> {
    let users = read("/etc/passwd")?;
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

/// None where nobody logged in: a service, or a kernel that keeps no such numbers.
fn login_uid() -> Option<u32> {
    let number: u32 = read("/proc/self/loginuid")?.trim().parse().ok()?;
    (number != u32::MAX).then_some(number)
}

fn read(path: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let file = File::open(Path::new(path)).ok()?;
    file.take(LIST_BYTES).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn text(text: &str) -> Value {
    Value::String(shown(text))
}

/// A list of users is read so far.
const LIST_BYTES: u64 = 1 << 20;
