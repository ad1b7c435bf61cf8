//! `lsmon` (Sentinel RMS of Thales): features, and the sessions of each.
//!
//! Source: "lsmon" in the vendor's "System Administrator's Guide"; answers in `fixtures/status/lsmon`, in the shape of real ones.

use jiff::{
    civil::{Date, DateTime},
    tz::TimeZone,
};
use lic_protocol::{
    snapshot::{Entitlement, Expiry, FeatureStatus, Holder, Member, Snapshot},
    view::ServerState,
};

use super::{
    Answer, StatusFormat, expiry,
    lines::{self, Said},
    local,
    verdict::{Block, judge},
};
use crate::text::number;

/// What a license without a limit counts: before version 9.5, and after.
const ENDLESS: [u32; 2] = [2_097_150, 4_294_967_294];
/// What it says instead of an answer.
const FAILURES: [&str; 4] = ["Error[", "Error ", "Cannot ", "No license server"];

/// The format.
pub struct Lsmon;

impl StatusFormat for Lsmon {
    fn name(&self) -> &'static str {
        "lsmon"
    }

    fn system(&self) -> &'static str {
        "sentinel"
    }

    fn read(&self, answer: &Answer<'_>) -> Snapshot {
        let mut report = Report::default();
        let coverage = lines::read(answer.text, |line| report.line(line, answer.zone));
        let Report { mut snapshot, mut block, told } = report;
        if told.is_some() || snapshot.features.is_empty() {
            // It was asked, and gave no answer.
            block.members.clear();
        }
        judge(&mut snapshot, vec![block], told, "lsmon");
        Snapshot { coverage, ..snapshot }
    }
}

#[derive(Default)]
struct Report {
    snapshot: Snapshot,
    block: Block,
    told: Option<String>,
}

impl Report {
    fn line(&mut self, line: &str, zone: &TimeZone) -> Said {
        if FAILURES.iter().any(|words| line.starts_with(words)) {
            self.told.get_or_insert_with(|| line.to_owned());
            return Said::Known;
        }
        if let Some(rest) = line.strip_prefix("[Contacting ") {
            let host = rest.rsplit_once("on host").map_or(rest, |found| found.1);
            let (host, state) = (unquoted(host.trim_end_matches(']')), ServerState::Up);
            let (version, error) = (None, None);
            self.block.members.push(Member {
                host: host.into(),
                state,
                master: false,
                version,
                error,
            });
            return Said::Known;
        }
        let line = line.trim_start_matches(['|', '-']).trim();
        if line.is_empty() {
            return Said::Noise;
        }
        let Some((key, value)) =
            line.split_once(':').map(|(key, value)| (key.trim(), value.trim()))
        else {
            return Said::Noise;
        };
        match key {
            "Feature name" => {
                let name = value.split("Feature version").next().unwrap_or(value);
                self.snapshot.features.push(FeatureStatus::named(unquoted(name.trim())));
                let version =
                    value.split_once("Feature version").and_then(|found| found.1.split_once(':'));
                if let Some((_, version)) = version {
                    self.version(version);
                }
                Said::Known
            }
            _ => match self.snapshot.features.last_mut() {
                Some(feature) => of_feature(feature, key, value, zone),
                None => Said::Noise,
            },
        }
    }

    fn version(&mut self, text: &str) {
        if let Some(feature) = self.snapshot.features.last_mut() {
            feature.version =
                Some(unquoted(text.trim()).to_owned()).filter(|text| !text.is_empty());
        }
    }
}

fn of_feature(feature: &mut FeatureStatus, key: &str, value: &str, zone: &TimeZone) -> Said {
    let count = leading(value);
    match key {
        "Feature version" => {
            feature.version = Some(unquoted(value).to_owned()).filter(|text| !text.is_empty());
        }
        "Maximum concurrent user(s)" | "Max concurrent user(s)" => {
            feature.uncounted = count.is_some_and(|count| ENDLESS.contains(&count));
            feature.issued = count.filter(|_| !feature.uncounted);
            let (version, count) = (feature.version.clone(), feature.issued);
            let expires = feature.expires;
            feature.entitlements.push(Entitlement {
                version,
                count,
                expires,
                kind: None,
                locked_to: None,
            });
            return Said::known_if(count.or(feature.uncounted.then_some(0)), "no count of users");
        }
        "Unreserved keys in use"
        | "Unreserved tokens in use"
        | "Reserved keys in use"
        | "Reserved tokens in use" => {
            let Some(count) = count else { return Said::Unknown("no count of keys") };
            feature.in_use = feature.in_use.unwrap_or(0).checked_add(count);
        }
        "Number of queued clients" | "Clients in queue" => feature.queued = count,
        "Available reserved" | "Reserved keys" => feature.reserved = count,
        "Expiration date" => {
            feature.expires = ends(value, zone);
            if let Some(part) = feature.entitlements.last_mut() {
                part.expires = feature.expires;
            }
            return Said::known_if(feature.expires, "no date of an expiration");
        }
        "User name" => feature.holders.push(Holder {
            user: (!unquoted(value).is_empty()).then(|| unquoted(value).into()),
            ..Holder::default()
        }),
        _ => return of_holder(feature.holders.last_mut(), key, value, zone),
    }
    Said::Known
}

fn of_holder(holder: Option<&mut Holder>, key: &str, value: &str, zone: &TimeZone) -> Said {
    let Some(holder) = holder else { return Said::Noise };
    match key {
        "Host name" => holder.host = Some(unquoted(value).into()),
        "X display name" => {
            holder.display = Some(unquoted(value).to_owned()).filter(|text| !text.is_empty());
        }
        "Status" => {
            let since = value.split_once("since ").and_then(|found| local::spelled(found.1));
            holder.started = since.and_then(|at| local::instant(at, zone));
            holder.queued = value.starts_with("Waiting") || value.starts_with("Queued");
        }
        "Number of keys" | "Number of tokens" => {
            let Some(count) = leading(value) else { return Said::Unknown("no count of keys") };
            holder.count = count;
        }
        _ => return Said::Noise,
    }
    Said::Known
}

/// A number that words may follow: `2 Available unreserved : 8`
fn leading(text: &str) -> Option<u32> {
    number(text.split_ascii_whitespace().next()?)
}

fn unquoted(text: &str) -> &str {
    text.trim().trim_matches('"')
}

/// `License has no expiration.`, `Tue Dec 31 23:59:59 2026`, `Dec 31, 2026`
fn ends(text: &str, zone: &TimeZone) -> Option<Expiry> {
    if text.contains("no expiration") {
        return Some(Expiry::Permanent);
    }
    let spelled: Option<DateTime> = local::spelled(text).or_else(|| {
        let mut words = text.split([' ', ',']).filter(|word| !word.is_empty());
        let (month, day) = (local::month(words.next()?)?, local::small(words.next()?)?);
        let year = i16::try_from(number(words.next()?)?).ok()?;
        Some(Date::new(year, month, day).ok()?.at(23, 59, 59, 0))
    });
    expiry::at(spelled?, zone)
}
