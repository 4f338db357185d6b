//! Each group by itself: who belongs to it, with all that is known of their keys.

use std::collections::BTreeSet;

use super::{Group, Limits, Signers};

impl Signers {
    /// The groups, each by itself, in the order in which they were added.
    ///
    /// What is known of a key in one group holds in each: when it was good, and whose it is. What a group
    /// asks of the log, and how many, is its own.
    #[must_use]
    pub fn each_group(&self) -> Vec<Self> {
        self.groups.iter().map(|it| self.only(it)).collect()
    }

    fn only(&self, group: &Group) -> Self {
        let limits = |place: &usize| Limits {
            validity: self
                .limits
                .get(*place)
                .map(|it| it.validity.clone())
                .unwrap_or_default(),
            logs: vec![group.log],
        };
        let place_of = |member: &usize| group.members.iter().position(|it| it == member);
        let members = group.members.iter();
        let accepted = members
            .clone()
            .filter_map(|it| self.accepted.get(*it).cloned());
        let holders = self.holders.iter();
        let holders = holders.map(|it| it.iter().filter_map(place_of).collect::<BTreeSet<_>>());
        Self {
            accepted: accepted.collect(),
            limits: members.map(limits).collect(),
            windows: self.windows.clone(),
            groups: vec![Group {
                members: (0..group.members.len()).collect(),
                ..group.clone()
            }],
            holders: holders.filter(|it| !it.is_empty()).collect(),
            required: None,
            denied: self.denied.clone(),
            independent: self.independent.clone(),
        }
    }
}
