//! The lines of a feature: its header with the counts, the parts of its seats, and reservations.

use lic_protocol::snapshot::{Entitlement, FeatureStatus, Kind, Reservation};

use super::super::{Answer, expiry};
use crate::text::number;

/// A feature from what stands behind `Users of `.
pub(super) fn header(text: &str) -> Option<FeatureStatus> {
    text.match_indices(':').find_map(|(at, _)| {
        let (name, says) = (text[..at].trim(), text[at + 1..].trim());
        let mut feature = FeatureStatus::named(name);
        if let Some(counts) = says.strip_prefix("(Total of ") {
            let (issued, in_use) = counts.split_once(';')?;
            feature.issued = leading_number(issued);
            feature.in_use = leading_number(in_use.trim().strip_prefix("Total of ")?);
            feature.issued.and(feature.in_use)?;
        } else if says.starts_with("(Uncounted") {
            feature.uncounted = true;
        } else if let Some(error) = says.strip_prefix("(Error:") {
            feature.error = Some(error.trim().trim_end_matches(')').to_owned());
        } else if says.starts_with("Cannot get users of ") {
            feature.error = Some(says.to_owned());
        } else {
            return None;
        }
        (!name.is_empty()).then_some(feature)
    })
}

fn leading_number(text: &str) -> Option<u32> {
    number(text.split_ascii_whitespace().next()?)
}

/// A part of the seats of a feature, and who owns it.
pub(super) struct Part<'a> {
    pub(super) vendor: Option<&'a str>,
    pub(super) entitlement: Entitlement,
}

/// `"cad" v31.0, vendor: acme, expiry: 1-jan-0`
pub(super) fn part<'a>(line: &'a str, answer: &Answer<'_>) -> Option<Part<'a>> {
    let rest = line.strip_prefix('"')?.rsplit_once("\" v")?.1;
    let mut fields = rest.split(',').map(str::trim);
    let version = fields.next().filter(|version| !version.contains(char::is_whitespace))?;
    let (mut vendor, mut expires) = (None, None);
    for field in fields {
        if let Some(name) = field.strip_prefix("vendor:") {
            vendor = Some(name.trim());
        } else if let Some(date) = field.strip_prefix("expiry:") {
            expires = expiry::dashed(date, answer.zone);
        }
    }
    let version = Some(version.to_owned());
    let entitlement = Entitlement { version, count: None, expires, kind: None, locked_to: None };
    vendor.map(|_| Part { vendor, entitlement })
}

/// `floating license`, `nodelocked license, locked to "ID=1"`, `uncounted nodelocked license locked to NOTHING (hostid=ANY)`
pub(super) fn kind(line: &str) -> Option<(Kind, Option<String>)> {
    let locked = || {
        let to = line.split_once("locked to ")?.1.trim();
        Some(to.trim_matches('"').to_owned())
    };
    if line.starts_with("floating license") {
        Some((Kind::Floating, None))
    } else if line.starts_with("uncounted nodelocked license") {
        Some((Kind::Uncounted, locked()))
    } else if line.starts_with("nodelocked license") {
        Some((Kind::NodeLocked, locked()))
    } else {
        None
    }
}

/// `48 RESERVATIONs for GROUP cfd (pine/27002)`; the name may hold blanks.
pub(super) fn reservation(line: &str) -> Option<Reservation> {
    let (count, rest) = line.split_once(char::is_whitespace)?;
    let rest = rest.trim_start().strip_prefix("RESERVATION")?;
    let rest = rest.strip_prefix('s').unwrap_or(rest).trim_start().strip_prefix("for ")?;
    let (kind, rest) = rest.trim_start().split_once(char::is_whitespace)?;
    let name = rest.rsplit_once(" (").map_or(rest, |found| found.0).trim();
    Some(Reservation { count: number(count)?, kind: kind.to_owned(), name: name.to_owned() })
}
