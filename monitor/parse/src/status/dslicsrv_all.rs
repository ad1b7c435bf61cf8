//! `DSLicSrv -admin ... getLicenseUsage -all` (DSLS): licenses as text, and below each who holds its seats. A line of an internal
//! id is a seat; the sessions below it use it together.
//!
//! Source: answers in `fixtures/status/dsls-all`, written to what other readers of it expect. Dates follow the locale of the
//! program: the American and the German form are read.

mod session;

use lic_protocol::snapshot::{Entitlement, FeatureStatus, Holder, Snapshot};

use self::session::{Fields, dated};
use super::{
    Answer, StatusFormat,
    dslicsrv::console::{self, Console},
    expiry,
    lines::{self, Said},
    local,
};
use crate::text::number;

/// The format.
pub struct DslicsrvAll;

impl StatusFormat for DslicsrvAll {
    fn name(&self) -> &'static str {
        "dsls-all"
    }

    fn system(&self) -> &'static str {
        "dsls"
    }

    fn read(&self, answer: &Answer<'_>) -> Snapshot {
        let mut report = Report::default();
        let coverage = lines::read(answer.text, |line| report.line(line, answer));
        let mut snapshot = report.snapshot;
        report.console.judge(&mut snapshot, "DSLicSrv getLicenseUsage -all");
        Snapshot { coverage, ..snapshot }
    }
}

#[derive(Default)]
struct Report {
    console: Console,
    snapshot: Snapshot,
    vendor: Option<String>,
    /// The seat that sessions may follow, and where its own line is among the holders.
    seat: Option<(String, usize)>,
}

impl Report {
    fn line(&mut self, line: &str, answer: &Answer<'_>) -> Said {
        let line = line.strip_prefix("admin >").map_or(line, str::trim);
        if line.contains("inuse:") {
            return self.license(line, answer);
        }
        if line.contains("granted since:") {
            return self.holder(line, answer);
        }
        if let Some(said) = self.console.line(line) {
            return said;
        }
        match line.strip_suffix(')').and_then(|line| line.rsplit_once(" (")) {
            Some((vendor, id)) if id.len() >= 8 && !vendor.contains(':') => {
                self.vendor = Some(vendor.trim().to_owned());
                Said::Known
            }
            _ => Said::Unknown("no line of DSLicSrv"),
        }
    }

    /// `AB3 maxReleaseNumber: 0 maxReleaseDate: ... type: ConcurrentUser count: 78 inuse: 10 customerId: 1 pricing structure: ALC`
    fn license(&mut self, line: &str, answer: &Answer<'_>) -> Said {
        let fields = Fields::of(line);
        let (Some(name), Some(count)) = (fields.head(), fields.get("count").and_then(number))
        else {
            return Said::Unknown("no counts of a license");
        };
        let mut feature = FeatureStatus::named(name);
        feature.vendor = self.vendor.as_deref().map(Into::into);
        feature.version = fields.get("maxReleaseNumber").map(str::to_owned);
        let pool = ["type", "pricing structure", "customerId"].map(|name| fields.get(name));
        let pool: Vec<&str> = pool.into_iter().flatten().collect();
        feature.pool = (!pool.is_empty()).then(|| pool.join(" "));
        feature.issued = Some(count);
        feature.in_use = fields.get("inuse").and_then(number);
        let ends = fields.get("expirationDate").and_then(dated);
        feature.expires = ends.and_then(|ends| expiry::at(ends, answer.zone));
        let (version, expires) = (feature.version.clone(), feature.expires);
        let count = feature.issued;
        feature.entitlements.push(Entitlement {
            version,
            count,
            expires,
            kind: None,
            locked_to: None,
        });
        self.snapshot.features.push(feature);
        self.seat = None;
        Said::Known
    }

    fn holder(&mut self, line: &str, answer: &Answer<'_>) -> Said {
        let Some(feature) = self.snapshot.features.last_mut() else {
            return Said::Unknown("a session of no license");
        };
        let fields = Fields::of(line);
        let started = fields.get("granted since").and_then(dated);
        let started = started.and_then(|at| local::instant(at, answer.zone));
        let holders = &mut feature.holders;
        if let Some(seat) = fields.get("internal Id") {
            self.seat = Some((seat.to_owned(), holders.len()));
            holders.push(Holder {
                user: fields.get("by user").map(Into::into),
                host: fields.get("on host").map(|host| console::host(host).into()),
                started,
                seat: Some(seat.to_owned()),
                ..Holder::default()
            });
            return Said::Known;
        }
        let Some(mut session) = session::holder(fields.head().unwrap_or_default()) else {
            return Said::Unknown("a session of nobody");
        };
        session.started = started;
        session.count = fields.get("tokens").and_then(number).unwrap_or(1);
        if let Some((seat, at)) = &mut self.seat {
            session.seat = Some(seat.clone());
            // The line of the seat stands for its first session.
            if let Some(own) = holders.get_mut(*at).filter(|_| *at != usize::MAX) {
                session.user = own.user.take().or(session.user);
                *own = session;
                *at = usize::MAX;
                return Said::Known;
            }
        }
        holders.push(session);
        Said::Known
    }
}
