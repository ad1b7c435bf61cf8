//! How many seats some holders take together. Written anew for the checker, and slower and simpler than what it checks.

use std::collections::BTreeMap;

use super::plan::Pool;

/// Who holds what of one tool.
#[derive(Debug)]
pub(super) struct Load<Holder>(BTreeMap<Holder, Held>);

#[derive(Debug)]
struct Held {
    count: u32,
    share: Option<String>,
    is_member: bool,
}

impl<Holder> Default for Load<Holder> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<Holder: Ord> Load<Holder> {
    pub(super) fn take(
        &mut self,
        holder: Holder,
        count: u32,
        share: Option<&str>,
        is_member: bool,
    ) {
        self.0.insert(holder, Held { count, share: share.map(str::to_owned), is_member });
    }

    pub(super) fn give_back(&mut self, holder: &Holder) {
        self.0.remove(holder);
    }

    pub(super) fn holders(&self) -> impl Iterator<Item = &Holder> {
        self.0.keys()
    }

    /// What is too much, in words.
    pub(super) fn excess(&self, pool: &Pool) -> Option<String> {
        let seats = pool.seats?;
        let used = self.seats();
        if used > seats {
            return Some(format!("{used} seats of {seats}"));
        }
        // Seats of members count to those set aside as far as they go; the others are common.
        let common = used - self.member_seats().min(pool.reserved);
        let common_max = seats - pool.reserved;
        (common > common_max).then(|| format!("{common} common seats of {common_max}"))
    }

    /// Those who share take what the largest of them took.
    fn seats(&self) -> u32 {
        let mut shared: BTreeMap<&str, u32> = BTreeMap::new();
        let mut own = 0;
        for held in self.0.values() {
            match &held.share {
                Some(share) => {
                    let largest = shared.entry(share).or_default();
                    *largest = held.count.max(*largest);
                }
                None => own += held.count,
            }
        }
        own + shared.values().sum::<u32>()
    }

    /// Only asked of tools whose seats are not shared.
    fn member_seats(&self) -> u32 {
        self.0.values().filter(|held| held.is_member).map(|held| held.count).sum()
    }
}
