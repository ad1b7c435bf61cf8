//! `olixtool -sv HOST:PORT` (the `OLicense` of Optimum): licenses, their modules, and who holds floating ones. Neither start nor
//! handle is told.
//!
//! Source: answers in `fixtures/status/olixtool`, in the shape of real ones.

use lic_protocol::{
    name::VendorName,
    snapshot::{Entitlement, Expiry, FeatureStatus, Holder, Kind, Member, Snapshot},
    view::ServerState,
};

use super::{
    Answer, StatusFormat, expiry,
    index::Index,
    lines::{self, Said},
    local,
    verdict::{Block, judge},
};
use crate::text::number;

/// Lines of the program about itself, and what a license says that is no seat.
const NOISE: [&str; 10] = [
    "olixtool ",
    "Copyright",
    "List of requested licenses",
    "=====",
    "-----",
    "Licensee:",
    "License-ID:",
    "Application:",
    "Modules:",
    "Name;",
];

/// The format.
pub struct Olixtool;

impl StatusFormat for Olixtool {
    fn name(&self) -> &'static str {
        "olixtool"
    }

    fn system(&self) -> &'static str {
        "olicense"
    }

    fn read(&self, answer: &Answer<'_>) -> Snapshot {
        let mut report = Report::default();
        let coverage = lines::read(answer.text, |line| report.line(line, answer));
        Snapshot { coverage, ..report.end() }
    }
}

#[derive(Default)]
struct Report {
    modules: Modules,
    licenser: Option<String>,
    versions: Option<String>,
    server: Option<String>,
    told: Option<String>,
    module: Option<usize>,
}

impl Report {
    fn line(&mut self, line: &str, answer: &Answer<'_>) -> Said {
        if let Some(server) = line.strip_prefix("Server:") {
            self.server = server
                .split_once('<')
                .and_then(|found| found.1.split([':', '>']).next())
                .map(str::to_owned);
        } else if line.starts_with("OlComm ") || line.starts_with("Error") {
            self.told.get_or_insert_with(|| line.to_owned());
        } else if let Some(name) = line.strip_prefix("Licenser:") {
            self.licenser = Some(name.trim().to_owned());
        } else if let Some(range) = line.strip_prefix("VersionRange:") {
            self.versions = Some(range.trim().to_owned());
        } else if NOISE.iter().any(|words| line.starts_with(words)) {
            return Said::Noise;
        } else if let Some((name, kind, count, expires)) = module(line, answer) {
            let license = License {
                module: name,
                licenser: self.licenser.as_deref(),
                versions: self.versions.as_deref(),
                kind: kind_of(kind),
                count: Some(count),
                expires,
                // Who holds it follows, if anybody does.
                in_use: Some(0),
            };
            self.module = Some(self.modules.add(&license));
        } else if let Some((count, _)) = line.split_once("FloatsLockedBy") {
            let count = number(count.trim());
            let at = self.module.filter(|_| count.is_some());
            return Said::known_if(
                at.and_then(|at| self.modules.lock(at, count?)),
                "seats of no module",
            );
        } else if let Some(holder) = holder(line) {
            let at = self.module;
            return Said::known_if(
                at.map(|at| self.modules.hold(at, holder)),
                "a holder of no module",
            );
        } else {
            return Said::Unknown("no line of olixtool");
        }
        Said::Known
    }

    fn end(self) -> Snapshot {
        let mut snapshot = self.modules.end();
        let mut block = Block::default();
        if let Some(host) =
            self.server.filter(|_| self.told.is_some() || !snapshot.features.is_empty())
        {
            let state = if self.told.is_some() { ServerState::Down } else { ServerState::Up };
            let error = self.told.clone();
            block.members.push(Member {
                host: host.as_str().into(),
                state,
                master: false,
                version: None,
                error,
            });
        }
        let is_member = !block.members.is_empty();
        judge(&mut snapshot, vec![block], self.told.filter(|_| !is_member), "olixtool");
        snapshot
    }
}

/// The modules of all licenses. Seats of equal names are one stock.
#[derive(Default)]
pub(super) struct Modules {
    snapshot: Snapshot,
    index: Index,
}

/// A license of a module.
pub(super) struct License<'a> {
    pub(super) module: &'a str,
    pub(super) licenser: Option<&'a str>,
    pub(super) versions: Option<&'a str>,
    pub(super) kind: Option<Kind>,
    pub(super) count: Option<u32>,
    pub(super) expires: Option<Expiry>,
    pub(super) in_use: Option<u32>,
}

impl Modules {
    /// Adds a license, and says where its module is.
    pub(super) fn add(&mut self, license: &License<'_>) -> usize {
        let of = |known: &FeatureStatus| {
            known.vendor.as_ref().map(VendorName::as_str) == license.licenser
        };
        let at = self.index.find(&self.snapshot, license.module, of);
        let at = at.unwrap_or_else(|| {
            let mut feature = FeatureStatus::named(license.module);
            feature.vendor = license.licenser.map(Into::into);
            feature.version = license.versions.map(str::to_owned);
            (feature.issued, feature.in_use) = (Some(0), Some(0));
            self.index.push(&mut self.snapshot, feature)
        });
        let feature = &mut self.snapshot.features[at];
        let sum = |one: Option<u32>, other: Option<u32>| one?.checked_add(other?);
        feature.issued = sum(feature.issued, license.count);
        feature.in_use = sum(feature.in_use, license.in_use);
        feature.expires = feature.expires.into_iter().chain(license.expires).min();
        let version = license.versions.map(str::to_owned);
        let (count, expires, kind) = (license.count, license.expires, license.kind);
        feature.entitlements.push(Entitlement { version, count, expires, kind, locked_to: None });
        at
    }

    /// Seats of it are in use.
    pub(super) fn lock(&mut self, at: usize, count: u32) -> Option<()> {
        let feature = self.snapshot.features.get_mut(at)?;
        feature.in_use = feature.in_use?.checked_add(count);
        Some(())
    }

    /// Somebody holds it.
    pub(super) fn hold(&mut self, at: usize, holder: Holder) {
        if let Some(feature) = self.snapshot.features.get_mut(at) {
            feature.holders.push(holder);
        }
    }

    /// All of them.
    pub(super) fn end(self) -> Snapshot {
        self.snapshot
    }
}

/// `wheel_fit; FreeFloating; 3; 2022-12-31 23:59:59;`
fn module<'a>(
    line: &'a str,
    answer: &Answer<'_>,
) -> Option<(&'a str, &'a str, u32, Option<Expiry>)> {
    let mut fields = line.split(';').map(str::trim);
    let (name, kind, count) = (fields.next()?, fields.next()?, number(fields.next()?)?);
    let expires = ends(fields.next()?, answer);
    (!name.is_empty()).then_some((name, kind, count, expires))
}

/// An end of a license: a time, a day, or never.
pub(super) fn ends(text: &str, answer: &Answer<'_>) -> Option<Expiry> {
    let at = local::iso(text).and_then(|local| expiry::at(local, answer.zone));
    at.or_else(|| expiry::iso(text, answer.zone)).or_else(|| expiry::dashed(text, answer.zone))
}

/// A word of the kind of a license.
pub(super) fn kind_of(word: &str) -> Option<Kind> {
    word.contains("Float").then_some(Kind::Floating)
}

/// `ann@pine #2`; who it is may be left out.
pub(super) fn holder(text: &str) -> Option<Holder> {
    let (who, count) = text.trim().rsplit_once('#')?;
    let (user, host) = who.trim().rsplit_once('@')?;
    Some(Holder {
        user: (!user.is_empty()).then(|| user.into()),
        host: (!host.is_empty()).then(|| host.into()),
        count: number(count.trim())?,
        ..Holder::default()
    })
}
