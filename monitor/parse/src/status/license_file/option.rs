//! Lines of an options file: who has seats set aside, who may have how many, and who is in which group.

use lic_protocol::snapshot::{Group, Reservation, Snapshot};

use super::super::{index::Index, lines::Said};
use crate::text::number;

/// Keywords that are about something else than seats of somebody.
const NOISE: [&str; 20] = [
    "AUTOMATIC_REREAD",
    "BORROW_LOWWATER",
    "DAEMON_SELECT_TIMEOUT",
    "EXCLUDE",
    "EXCLUDEALL",
    "EXCLUDE_BORROW",
    "EXCLUDE_ENTITLEMENT",
    "FQDN_MATCHING",
    "GROUPCASEINSENSITIVE",
    "INCLUDE",
    "INCLUDEALL",
    "INCLUDE_BORROW",
    "INCLUDE_ENTITLEMENT",
    "LINGER",
    "MAX_BORROW_HOURS",
    "MAX_CONNECTIONS",
    "MAX_OVERDRAFT",
    "ACTIVATION_LOWWATER",
    "TIMEOUT",
    "TIMEOUTALL",
];
/// Groups of one file, and members of one of them.
const GROUPS_MAX: usize = 10_000;
const MEMBERS_MAX: usize = 100_000;

/// What was read of it.
#[derive(Default)]
pub(super) struct Options {
    reservations: Vec<(String, Reservation)>,
    limits: Vec<(String, Reservation)>,
    groups: Vec<Group>,
}

impl Options {
    /// A line of it; `None` where it is none.
    pub(super) fn line(&mut self, keyword: &str, words: &[&str]) -> Option<Said> {
        let why = "an option that lacks something";
        match keyword {
            "RESERVE" => {
                Some(Said::known_if(rule(words).map(|rule| self.reservations.push(rule)), why))
            }
            "MAX" => Some(Said::known_if(rule(words).map(|rule| self.limits.push(rule)), why)),
            "GROUP" | "HOST_GROUP" => Some(Said::known_if(self.group(keyword, words), why)),
            known if NOISE.contains(&known) => Some(Said::Noise),
            _ => None,
        }
    }

    /// A group that is told again has more members.
    fn group(&mut self, kind: &str, words: &[&str]) -> Option<()> {
        let (name, members) = words.split_first()?;
        let is_it = |group: &&mut Group| group.kind == kind && group.name == *name;
        let known = self.groups.iter_mut().take(GROUPS_MAX).find(is_it);
        let members = members.iter().map(|member| (*member).to_owned());
        if let Some(group) = known {
            group.members.extend(members);
            group.members.truncate(MEMBERS_MAX);
            return Some(());
        }
        if self.groups.len() >= GROUPS_MAX {
            return None;
        }
        let (kind, name) = (kind.to_owned(), (*name).to_owned());
        self.groups.push(Group { kind, name, members: members.collect() });
        Some(())
    }

    /// Puts it to the features it speaks of. What is of none is told.
    pub(super) fn end(self, snapshot: &mut Snapshot, index: &Index) {
        snapshot.groups = self.groups;
        for (name, reservation) in self.reservations {
            match index.find(snapshot, &name, |_| true) {
                Some(at) => {
                    let feature = &mut snapshot.features[at];
                    feature.reserved = feature.reserved.unwrap_or(0).checked_add(reservation.count);
                    feature.reservations.push(reservation);
                }
                None => snapshot.notes.push(format!(
                    "{} seats of {name} are set aside, which is not bought",
                    reservation.count
                )),
            }
        }
        for (name, limit) in self.limits {
            match index.find(snapshot, &name, |_| true) {
                Some(at) => snapshot.features[at].limits.push(limit),
                None => snapshot.notes.push(format!(
                    "{name} is limited for {} {}, and not bought",
                    limit.kind, limit.name
                )),
            }
        }
        snapshot.notes.truncate(super::super::NOTES_MAX);
    }
}

/// `2 cad:VERSION=1.0 GROUP designers`: the feature, and the rule for it.
fn rule(words: &[&str]) -> Option<(String, Reservation)> {
    let [count, feature, kind, name, ..] = words else { return None };
    let feature = feature.split(':').next()?;
    let (kind, name) = (kind.to_ascii_uppercase(), (*name).to_owned());
    Some((feature.to_owned(), Reservation { count: number(count)?, kind, name }))
}
