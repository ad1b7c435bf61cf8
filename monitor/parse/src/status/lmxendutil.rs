//! `lmxendutil -licstat` (LM-X of X-Formation), and `almutil -licstat` of Altair, which prints the same family.
//!
//! Source: "License statistics" in the vendor's "End-user Utility" manual; answers in `fixtures/status/lmxendutil`, in the shape
//! of real ones.

use jiff::Timestamp;
use lic_protocol::{
    snapshot::{Entitlement, FeatureStatus, Holder, Member, Snapshot},
    view::ServerState,
};

use super::{
    Answer, StatusFormat, expiry,
    lines::{self, Said},
    local,
    verdict::{Block, judge},
};
use crate::text::number;

/// Lines of the program about itself, and what we do not tell of a license.
const NOISE: [&str; 9] = [
    "LM-X End-user Utility",
    "Altair License",
    "++++",
    "----",
    "====",
    "Key type:",
    "Shared on ",
    "License sharing:",
    "Copyright",
];
/// What a license without a limit counts.
const ENDLESS: u32 = 2_147_483_647;

/// The format.
pub struct Lmxendutil;

impl StatusFormat for Lmxendutil {
    fn name(&self) -> &'static str {
        "lmxendutil"
    }

    fn system(&self) -> &'static str {
        "lmx"
    }

    fn read(&self, answer: &Answer<'_>) -> Snapshot {
        let mut report = Report::default();
        let coverage = lines::read(answer.text, |line| report.line(line, answer));
        let Report { mut snapshot, members, told } = report;
        // Servers of one answer serve the same licenses each, or stand in for one another: one is enough.
        let blocks =
            members.into_iter().map(|member| Block { members: vec![member], daemons: Vec::new() });
        judge(&mut snapshot, blocks.collect(), told, "lmxendutil");
        Snapshot { coverage, ..snapshot }
    }
}

#[derive(Default)]
struct Report {
    snapshot: Snapshot,
    members: Vec<Member>,
    told: Option<String>,
}

impl Report {
    fn line(&mut self, line: &str, answer: &Answer<'_>) -> Said {
        if let Some(rest) = line.split_once("License Server on ").map(|found| found.1) {
            let host = rest.trim_end_matches(':').split_once('@').map_or(rest, |found| found.1);
            let (state, version, error) = (ServerState::Up, None, None);
            self.members.push(Member { host: host.into(), state, master: false, version, error });
        } else if line.starts_with("There are no license server") {
            self.told = Some(line.trim_end_matches('.').to_owned());
        } else if let Some(rest) = line.strip_prefix("Server version:") {
            let version =
                rest.split_ascii_whitespace().next().map(|word| word.trim_start_matches('v'));
            let member = self.members.last_mut();
            return Said::known_if(
                member.map(|member| member.version = version.map(str::to_owned)),
                "a version of no server",
            );
        } else if let Some(rest) = line.strip_prefix("Feature:") {
            return Said::known_if(self.feature(rest), "no feature");
        } else if NOISE.iter().any(|words| line.starts_with(words))
            || line.contains("denial(s) in last")
        {
            return Said::Noise;
        } else {
            return self.of_feature(line, answer);
        }
        Said::Known
    }

    /// `mesh Version: 21.0 Vendor: ACME`
    fn feature(&mut self, rest: &str) -> Option<()> {
        let (name, rest) = rest.split_once("Version:")?;
        let (version, vendor) =
            rest.split_once("Vendor:").map_or((rest, None), |(v, vendor)| (v, Some(vendor)));
        let mut feature = FeatureStatus::named(name.trim());
        feature.version = Some(version.trim().to_owned());
        feature.vendor = vendor.map(|vendor| vendor.trim().into());
        self.snapshot.features.push(feature);
        Some(())
    }

    fn of_feature(&mut self, line: &str, answer: &Answer<'_>) -> Said {
        let Some(feature) = self.snapshot.features.last_mut() else {
            return Said::Unknown("no line of lmxendutil");
        };
        if line.starts_with("Start date:") {
            let date = line.split_once("Expire date:").map_or("", |found| found.1.trim());
            feature.expires =
                expiry::iso(date, answer.zone).or_else(|| expiry::dashed(date, answer.zone));
            return Said::Known;
        }
        if let Some((used, who)) = line.split_once("license(s) used") {
            return Said::known_if(
                counts(feature, used).or_else(|| holder(feature, used, who)),
                "no count of licenses",
            );
        }
        let Some(last) = feature.holders.last_mut() else {
            return Said::Unknown("no line of lmxendutil");
        };
        if let Some((login, checkout)) = line.split_once("Checkout time:") {
            last.started = at(checkout, answer)
                .or_else(|| at(login.trim_start_matches("Login time:"), answer));
            return Said::known_if(last.started, "no time of a checkout");
        }
        if let Some(until) = line.strip_prefix("Borrow expire time:") {
            last.linger_until = at(until, answer);
            return Said::known_if(last.linger_until, "no time of a borrowed license");
        }
        Said::Unknown("no line of lmxendutil")
    }
}

/// `40000 of 1000003`
fn counts(feature: &mut FeatureStatus, text: &str) -> Option<()> {
    let (used, issued) = text.split_once(" of ")?;
    let (used, issued) = (number(used.trim())?, number(issued.trim())?);
    feature.uncounted = issued == ENDLESS;
    feature.issued = (!feature.uncounted).then_some(issued);
    feature.in_use = Some(used);
    let (version, expires) = (feature.version.clone(), feature.expires);
    let count = feature.issued;
    feature.entitlements.push(Entitlement { version, count, expires, kind: None, locked_to: None });
    Some(())
}

/// `15000`, and `by ann@pine [10.0.0.7]`
fn holder(feature: &mut FeatureStatus, count: &str, who: &str) -> Option<()> {
    let who = who.trim().strip_prefix("by ")?;
    let who = who.split_once(" [").map_or(who, |found| found.0);
    let (user, host) = who.trim().rsplit_once('@')?;
    feature.holders.push(Holder {
        user: Some(user.into()),
        host: Some(host.into()),
        count: number(count.trim())?,
        ..Holder::default()
    });
    Some(())
}

fn at(text: &str, answer: &Answer<'_>) -> Option<Timestamp> {
    local::instant(local::iso(text)?, answer.zone)
}
