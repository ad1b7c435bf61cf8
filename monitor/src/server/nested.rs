//! A run inside a run: who shows the token of a seat that is held needs no second one.

use lic_admission::LeaseId;
use lic_protocol::want::Want;

use super::{SeatServer, connection::Connection};

/// May show anybody's token.
const ROOT: u32 = 0;

impl SeatServer {
    /// Takes what the leases hold whose tokens came with the request off what is wanted; a choice of which one alternative is
    /// held is no more. Returns the lease that held the first of it; the seats stay its own.
    pub(super) fn take_off_what_is_held(
        &self,
        connection: &mut Connection,
        choices: &mut Vec<Vec<Want>>,
    ) -> Option<LeaseId> {
        let uid = connection.peer.uid;
        let mut inside = None;
        let mut shown = Vec::new();
        for token in connection.take_files() {
            let Some(id) = self.seats.lease_of(&token).map(LeaseId) else { continue };
            let Some(lease) = self.leases.get(&id) else { continue };
            let is_own = uid == lease.record.holder.uid || uid == ROOT;
            if !is_own || shown.contains(&id) {
                continue;
            }
            shown.push(id);
            if take_off(choices, &lease.record.choices.concat()) {
                inside = inside.or(Some(id));
            }
        }
        inside
    }
}

/// Whether any of it was wanted.
fn take_off(choices: &mut Vec<Vec<Want>>, held: &[Want]) -> bool {
    let before = choices.clone();
    for want in choices.iter_mut().flatten() {
        let held = held.iter().find(|held| held.feature == want.feature);
        want.count = want.count.saturating_sub(held.map_or(0, |held| held.count));
    }
    choices.retain(|choice| choice.iter().all(|want| want.count > 0));
    *choices != before
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices(text: &str) -> Vec<Vec<Want>> {
        let want = |word| Want::parse(word).expect("a want");
        text.split_ascii_whitespace().map(|word| word.split('|').map(want).collect()).collect()
    }

    #[test]
    fn what_is_held_is_not_wanted_again() {
        for (wanted, held, left, was_wanted) in [
            ("a", "a", "", true),
            ("a:3", "a", "a:2", true),
            ("a", "a:3", "", true),
            ("a b", "b", "a", true),
            ("a", "b", "a", false),
            ("a|b c", "b", "c", true),
            ("a:3|b", "a", "a:2|b", true),
            ("a|b", "c", "a|b", false),
        ] {
            let mut wanted = choices(wanted);
            assert_eq!(take_off(&mut wanted, &choices(held).concat()), was_wanted);
            assert_eq!(wanted, choices(left));
        }
    }
}
