//! Whether what was written is stored once, or in the one gap that there may be.

use jiff::Timestamp;
use lic_protocol::{
    gaps::Gap,
    query::{Filter, Which},
    view::Example,
};
use lic_store::{open::DatabasePaths, read::Reader};

use super::Site;

impl Site {
    /// Everything is stored once, or is in a gap; there is one where there may be.
    pub(crate) fn check(mut self, may_lose: bool) -> Result<(), String> {
        self.stop();
        let reader = Reader::open(&DatabasePaths::in_state(self.state.path())).unwrap();
        let filter = Filter { limit: 1000, ..Filter::default() };
        let page = reader.sessions(Which::All, &filter).unwrap();
        let mut stored = Vec::new();
        for session in page.sessions.iter().rev() {
            let number: u32 = session.handle.as_ref().unwrap().parse().unwrap();
            if session.user.as_str() != self.user || session.started.to_string() != time(number) {
                return Err(format!("line {number} was read as {session:?}"));
            }
            stored.push(number);
        }
        let mut once = stored.clone();
        once.sort_unstable();
        once.dedup();
        if once.len() != stored.len() {
            return Err(format!("stored twice: {stored:?}"));
        }
        let mut server = reader.servers().unwrap().remove(0);
        let gaps = std::mem::take(&mut server.gaps.newest);
        if gaps.len() != usize::from(may_lose) {
            return Err(format!("{} gaps: {gaps:?}", gaps.len()));
        }
        let is_ours = |example: &&Example| !example.text.starts_with('#');
        if server.coverage.examples.iter().any(|example| is_ours(&example)) {
            return Err(format!("unknown lines: {:?}", server.coverage.examples));
        }
        let missing: Vec<u32> =
            self.written.keys().filter(|number| !once.contains(number)).copied().collect();
        match gaps.first() {
            None if missing.is_empty() => Ok(()),
            None => Err(format!("lost in silence: {missing:?}")),
            Some(gap) => self.covers(gap, &missing, &once),
        }
    }

    /// The gap covers the bytes of all that is missing, and none that is stored.
    fn covers(&self, gap: &Gap, missing: &[u32], stored: &[u32]) -> Result<(), String> {
        let lives: Vec<u32> = missing.iter().map(|number| self.written[number].life).collect();
        if lives.iter().any(|life| Some(life) != lives.first()) {
            return Err(format!("missing of several files: {missing:?}"));
        }
        let is_in = |number: &u32| {
            let line = &self.written[number];
            line.from >= gap.from && gap.to.is_none_or(|to| line.to <= to)
        };
        if let Some(number) = missing.iter().find(|number| !is_in(number)) {
            return Err(format!("line {number} is missing and not in {gap:?}"));
        }
        let of_life = |number: &&u32| lives.first() == Some(&self.written[*number].life);
        match stored.iter().filter(of_life).find(|number| is_in(number)) {
            Some(number) => Err(format!("line {number} is stored and in {gap:?}")),
            None => Ok(()),
        }
    }
}

fn time(number: u32) -> String {
    let text = format!("2025-03-03T08:{:02}:{:02}.1Z", number / 60 % 60, number % 60);
    text.parse::<Timestamp>().unwrap().to_string()
}
