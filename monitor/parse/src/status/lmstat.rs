//! `lmutil lmstat -a` and `-i` (FlexNet Publisher): machines, vendor daemons and features. Who holds what is in the file beside,
//! and so is the table of `-i`.
//!
//! Source: "lmstat" in the vendor's "License Administration Guide"; answers in `fixtures/status/lmstat`, in the shape of real
//! ones.

mod feature;
mod holder;
mod listed;
mod table;
mod who;

use std::collections::HashSet;

use jiff::{Timestamp, civil::Date};
use lic_protocol::{
    snapshot::{Daemon, Member, Snapshot},
    view::ServerState,
};

use self::{
    feature::{header, kind, part, reservation},
    holder::HolderLine,
    table::Table,
};
use super::{
    Answer, StatusFormat,
    index::Index,
    lines::{self, Said},
    local,
    verdict::{Block, judge},
};
use crate::text::number;

/// Lines of the program about itself.
const NOISE: [&str; 14] = [
    "lmutil - Copyright",
    "lmstat - Copyright",
    "lmstat v",
    "lmstat",
    "License file(s) on ",
    "[Detecting ",
    "Feature usage info:",
    "Restrictions on this machine:",
    "NOTE: lmstat -i does not give",
    "but only reads the license file",
    "lmstat -a is recommended",
    "vendor_string:",
    "-----",
    "_____",
];

/// What an answer without a license server means.
const OF_FILE: &str = "lmstat -i reads the license file alone, and does not ask the license server";
/// Machines of one license server that are told apart.
const MEMBERS_MAX: usize = 64;

/// The format.
pub struct Lmstat;

impl StatusFormat for Lmstat {
    fn name(&self) -> &'static str {
        "lmstat"
    }

    fn system(&self) -> &'static str {
        "flexlm"
    }

    fn read(&self, answer: &Answer<'_>) -> Snapshot {
        let mut report = Report::of(*answer);
        let coverage = lines::read(answer.text, |line| report.line(line));
        Snapshot { coverage, ..report.end() }
    }
}

/// Where in the report a line is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Servers,
    Daemons,
    Features,
    Table(Table),
}

struct Report<'a> {
    answer: Answer<'a>,
    snapshot: Snapshot,
    section: Section,
    blocks: Vec<Block>,
    told: Option<String>,
    daemon: Option<String>,
    /// Whether the vendor daemon follows features of another, without a heading of its own.
    is_bare_daemon: bool,
    index: Index,
    /// Features below such a one.
    bare: HashSet<usize>,
    /// Each with its feature. Who they are is told apart when all are known.
    holders: Vec<(usize, HolderLine)>,
}

impl<'a> Report<'a> {
    fn of(answer: Answer<'a>) -> Self {
        Self {
            answer,
            snapshot: Snapshot::default(),
            section: Section::Servers,
            blocks: Vec::new(),
            told: None,
            daemon: None,
            is_bare_daemon: false,
            index: Index::default(),
            bare: HashSet::new(),
            holders: Vec::new(),
        }
    }

    fn line(&mut self, line: &str) -> Said {
        if let Some(table) = Table::headed(line) {
            self.section = Section::Table(table);
            return Said::Noise;
        }
        if let Some(rest) = line.strip_prefix("Users of ") {
            return self.feature(rest);
        }
        if let Some(said) = self.heading(line) {
            return said;
        }
        if let Some(said) = self.under_feature(line) {
            return said;
        }
        if NOISE.iter().any(|words| line.starts_with(words)) {
            return Said::Noise;
        }
        if let Section::Table(table) = self.section {
            return table.row(line, (&mut self.snapshot, &mut self.index), self.answer.zone);
        }
        self.server_or_daemon(line)
    }

    fn heading(&mut self, line: &str) -> Option<Said> {
        if let Some(when) = line.strip_prefix("Flexible License Manager status on ") {
            self.snapshot.as_of = self.written(when);
            return Some(Said::known_if(self.snapshot.as_of, "no time of the report"));
        }
        if line.starts_with("License server status:") {
            self.blocks.push(Block::default());
            self.section = Section::Servers;
            self.daemon = None;
            return Some(Said::Known);
        }
        if line.starts_with("Vendor daemon status (on ") {
            self.section = Section::Daemons;
            self.is_bare_daemon = false;
            return Some(Said::Known);
        }
        if line.starts_with("Error getting status:") || line.starts_with("lmgrd is not running:") {
            let why = line.strip_prefix("Error getting status:").unwrap_or(line).trim();
            self.told.get_or_insert_with(|| why.to_owned());
            return Some(Said::Known);
        }
        None
    }

    /// `Fri 10/20/2017 17:02`
    fn written(&self, text: &str) -> Option<Timestamp> {
        let mut words = text.split_ascii_whitespace().skip(1);
        let mut day = words.next()?.split('/');
        let (month, day_of_month) = (local::small(day.next()?)?, local::small(day.next()?)?);
        let year = i16::try_from(number(day.next()?)?).ok()?;
        let date = Date::new(year, month, day_of_month).ok()?;
        local::instant(date.to_datetime(local::time(words.next()?)?), self.answer.zone)
    }

    /// `pine: license server UP (MASTER) v11.7`, `MLM: UP v11.7`, or an error in their place.
    fn server_or_daemon(&mut self, line: &str) -> Said {
        let named = line.split_once(": ").or_else(|| Some((line.strip_suffix(':')?, "")));
        let Some((name, says)) = named.map(|(name, says)| (name.trim(), says.trim())) else {
            return Said::Unknown("no line of lmstat");
        };
        if let Some(rest) = says.strip_prefix("license server UP") {
            self.member(name, rest, None)
        } else if let Some(version) = words_after(says, "UP") {
            self.daemon(name, version, None)
        } else if says.is_empty() || self.blocks.is_empty() {
            Said::Unknown("no line of lmstat")
        } else if self.section == Section::Servers {
            self.member(name, "", Some(says))
        } else {
            self.daemon(name, "", Some(says))
        }
    }

    fn member(&mut self, host: &str, rest: &str, error: Option<&str>) -> Said {
        let block = self.block();
        let is_master = rest.contains("(MASTER)");
        let version = version(rest);
        // Some print a host twice, once as it calls itself and once as it was asked.
        let known = block.members.iter_mut().find(|m| m.host.as_str().eq_ignore_ascii_case(host));
        if let Some(known) = known {
            known.master |= is_master;
            return Said::Known;
        }
        if block.members.len() >= MEMBERS_MAX {
            return Said::Unknown("more license servers than there can be");
        }
        let state = if error.is_some() { ServerState::Down } else { ServerState::Up };
        let error = error.map(str::to_owned);
        block.members.push(Member { host: host.into(), state, master: is_master, version, error });
        Said::Known
    }

    fn daemon(&mut self, name: &str, rest: &str, error: Option<&str>) -> Said {
        self.is_bare_daemon = self.section == Section::Features;
        self.section = Section::Features;
        self.daemon = Some(name.to_owned());
        let state = if error.is_some() { ServerState::Down } else { ServerState::Up };
        let error = error.map(str::to_owned);
        let daemon = Daemon { name: name.to_owned(), state, version: version(rest), error };
        self.block().daemons.push(daemon);
        Said::Known
    }

    fn block(&mut self) -> &mut Block {
        if self.blocks.is_empty() {
            self.blocks.push(Block::default());
        }
        self.blocks.last_mut().expect("one was pushed")
    }

    /// `cad:  (Total of 4 licenses issued;  Total of 1 license in use)` and its other forms.
    fn feature(&mut self, rest: &str) -> Said {
        let Some(mut feature) = header(rest) else {
            return Said::Unknown("no counts that lmstat prints");
        };
        self.section = Section::Features;
        feature.vendor = self.daemon.as_deref().map(Into::into);
        let at = self.index.push(&mut self.snapshot, feature);
        if self.is_bare_daemon {
            self.bare.insert(at);
        }
        Said::Known
    }

    /// What stands below the header of a feature; `None` where it is something else.
    fn under_feature(&mut self, line: &str) -> Option<Said> {
        if self.section != Section::Features {
            return None;
        }
        let feature = self.snapshot.features.last_mut()?;
        if let Some(part) = part(line, &self.answer) {
            if let Some(vendor) = part.vendor {
                feature.vendor = Some(vendor.into());
            }
            feature.version = feature.version.take().or_else(|| part.entitlement.version.clone());
            feature.entitlements.push(part.entitlement);
            return Some(Said::Known);
        }
        if let Some((kind, locked_to)) = kind(line) {
            if let Some(last) = feature.entitlements.last_mut() {
                (last.kind, last.locked_to) = (Some(kind), locked_to);
            }
            return Some(Said::Known);
        }
        if let Some(reservation) = reservation(line) {
            feature.reservations.push(reservation);
            return Some(Said::Known);
        }
        let holder = HolderLine::of(line)?;
        let said = holder.said();
        self.holders.push((self.snapshot.features.len() - 1, holder));
        Some(said)
    }

    fn end(mut self) -> Snapshot {
        let now = self.snapshot.as_of.or(self.answer.asked);
        let hosts = who::Hosts::of(self.holders.iter().map(|(_, holder)| holder.who.as_str()));
        for (feature, holder) in &self.holders {
            let holder = holder.holder(&hosts, now, self.answer.zone);
            self.snapshot.features[*feature].holders.push(holder);
        }
        listed::settle(&mut self.snapshot, &self.bare);
        let is_file = self.blocks.is_empty() && self.told.is_none();
        judge(&mut self.snapshot, self.blocks, self.told, "lmstat");
        if is_file && !self.snapshot.features.is_empty() {
            self.snapshot.state = ServerState::Unknown;
            self.snapshot.error = Some(OF_FILE.to_owned());
        }
        self.snapshot
    }
}

/// The words behind one that begins a text.
fn words_after<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let rest = text.strip_prefix(word)?;
    (rest.is_empty() || rest.starts_with(char::is_whitespace)).then_some(rest)
}

/// `v11.7` among words.
fn version(text: &str) -> Option<String> {
    let version = text.split_ascii_whitespace().find_map(|word| word.strip_prefix('v'))?;
    (!version.is_empty()).then(|| version.to_owned())
}
