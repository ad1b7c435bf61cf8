//! `lstc_qrun -s PORT@HOST -R` (LS-DYNA): programs, their CPU cores, and who runs them. The license group is what the programs
//! share: it is a feature of its own.
//!
//! Source: answers in `fixtures/status/lstc-qrun`, in the shape of real ones.

use lic_protocol::{
    snapshot::{Entitlement, FeatureStatus, Holder, Member, Snapshot},
    view::ServerState,
};

use super::{
    Answer, StatusFormat, expiry,
    lines::{self, Said},
    verdict::{Block, judge},
};
use crate::text::number;

/// Lines of the program about itself.
const NOISE: [&str; 4] = ["LICENSE INFORMATION", "PROGRAM ", "-----", "Using default"];
/// What the shared cores are called.
const GROUP: &str = "LICENSE GROUP";

/// The format.
pub struct LstcQrun;

impl StatusFormat for LstcQrun {
    fn name(&self) -> &'static str {
        "lstc-qrun"
    }

    fn system(&self) -> &'static str {
        "lsdyna"
    }

    fn read(&self, answer: &Answer<'_>) -> Snapshot {
        let mut report = Report::default();
        let coverage = lines::read(answer.text, |line| report.line(line, answer));
        Snapshot { coverage, ..report.end() }
    }
}

#[derive(Default)]
struct Report {
    snapshot: Snapshot,
    server: Option<String>,
    told: Option<String>,
}

impl Report {
    fn line(&mut self, line: &str, answer: &Answer<'_>) -> Said {
        if let Some(server) = line.strip_prefix("Using user specified server ") {
            let host = server.split_once('@').map_or(server, |found| found.1);
            self.server = Some(host.trim().to_owned());
        } else if let Some(error) = line.strip_prefix("***") {
            self.told.get_or_insert_with(|| error.trim().to_owned());
        } else if NOISE.iter().any(|words| line.starts_with(words)) {
            return Said::Noise;
        } else if let Some(feature) = program(line, answer) {
            self.snapshot.features.push(feature);
        } else {
            let feature = self.snapshot.features.last_mut();
            let held = feature.and_then(|feature| hold(feature, line));
            return Said::known_if(held, "no line of lstc_qrun");
        }
        Said::Known
    }

    fn end(mut self) -> Snapshot {
        let mut block = Block::default();
        let has_answer = !self.snapshot.features.is_empty();
        if let Some(host) = self.server.filter(|_| has_answer || self.told.is_some()) {
            let state = if has_answer { ServerState::Up } else { ServerState::Down };
            let error = self.told.take_if(|_| !has_answer);
            block.members.push(Member {
                host: host.as_str().into(),
                state,
                master: false,
                version: None,
                error,
            });
        }
        judge(&mut self.snapshot, vec![block], self.told, "lstc_qrun");
        self.snapshot
    }
}

/// `MPPDYNA  12/30/2022  -  60  500 |  0`: program, expiry, used, free, most, waiting. The group has no expiry.
fn program(line: &str, answer: &Answer<'_>) -> Option<FeatureStatus> {
    let (left, queue) = line.split_once('|')?;
    let words: Vec<&str> = left.split_ascii_whitespace().collect();
    let [name @ .., used, free, most] = &words[..] else { return None };
    number(free)?;
    let (name, expires) = match name {
        ["LICENSE", "GROUP"] => (GROUP, None),
        [name, date] => (*name, Some(expiry::american(date, answer.zone)?)),
        _ => return None,
    };
    let mut feature = FeatureStatus::named(name);
    feature.issued = Some(number(most)?);
    // A dash stands where holders follow: they are added to it.
    feature.in_use = if *used == "-" { Some(0) } else { Some(number(used)?) };
    feature.queued = number(queue.trim());
    feature.expires = expires;
    let count = feature.issued;
    feature.entitlements.push(Entitlement {
        version: None,
        count,
        expires,
        kind: None,
        locked_to: None,
    });
    Some(feature)
}

/// `ann  59005@pine.site  80`: user, process, host, cores.
fn hold(feature: &mut FeatureStatus, line: &str) -> Option<()> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let [user, place, count] = words[..] else { return None };
    let (pid, host) = place.split_once('@')?;
    let (pid, count) = (number(pid)?, number(count)?);
    feature.in_use = feature.in_use?.checked_add(count);
    feature.holders.push(Holder {
        user: Some(user.into()),
        host: Some(host.into()),
        count,
        pid: Some(pid),
        ..Holder::default()
    });
    Some(())
}
