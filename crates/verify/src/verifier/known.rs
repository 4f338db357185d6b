//! Who knows whom: logs and authorities with the trusted root that has them.

use jiff::Timestamp;

use super::Verifier;
use crate::evidence::{ProvenLog, ProvenTime, TimeSource};
use crate::inclusion::Logged;
use crate::time;
use crate::trusted_root::TrustedLog;

impl Verifier {
    /// Once it is known when they were valid: which root vouches for each log.
    pub(super) fn name_roots(&self, logged: &mut Logged, times: &mut [ProvenTime]) {
        for (log, promised) in logged.logs.iter_mut().zip(&logged.promised) {
            log.root = self.root_of(log, *promised, times).to_owned();
        }
        for time in times
            .iter_mut()
            .filter(|it| it.source == TimeSource::Promise)
        {
            let log = logged.logs.iter().find(|it| it.origin == time.authority);
            time.root = log.map(|it| it.root.clone()).unwrap_or_default();
        }
    }

    pub(super) fn log(&self, id: &[u8; 32]) -> Option<(&str, &TrustedLog)> {
        self.named_logs(id).find(|(_, it)| it.is_supported())
    }

    /// The root by which a log was found valid: several may have it, with other windows.
    fn root_of(&self, log: &ProvenLog, promised: Option<Timestamp>, times: &[ProvenTime]) -> &str {
        let valid = |it: &TrustedLog| match promised {
            Some(time) => it.window().contains(time),
            None => times.iter().any(|time| it.window().contains(time.time)),
        };
        let mut named = self.named_logs(&log.log_id);
        let first = self.named_logs(&log.log_id).next();
        let found = named.find(|(_, it)| it.is_supported() && valid(it));
        found.or(first).map_or("", |(root, _)| root)
    }

    fn named_logs(&self, id: &[u8; 32]) -> impl Iterator<Item = (&str, &TrustedLog)> {
        let id = *id;
        let all = self
            .roots
            .iter()
            .flat_map(|root| root.logs().iter().map(|log| (root.name(), log)));
        all.filter(move |(_, it)| *it.id() == id)
    }

    pub(super) fn logs(&self, id: &[u8; 32]) -> impl Iterator<Item = &TrustedLog> {
        self.named_logs(id).map(|(_, it)| it)
    }

    pub(super) fn authorities(&self) -> Vec<time::Named<'_>> {
        self.roots
            .iter()
            .flat_map(|root| root.authorities().iter().map(|it| (root.name(), it)))
            .collect()
    }
}
