//! `DSLicSrv -admin ... getLicenseUsage -csv` (DSLS of Dassault Systèmes): a row for each seat in use, and one for each license
//! without. The head of the table is found by its text, wherever it stands.
//!
//! Source: "Displaying License Usage" in the vendor's "License Server" guide; answers in `fixtures/status/dsls-csv`, in the shape
//! of real ones.

pub(super) mod console;

use jiff::tz::TimeZone;
use lic_protocol::snapshot::{Entitlement, Expiry, FeatureStatus, Holder, Snapshot};

use self::console::Console;
use super::{
    Answer, StatusFormat, expiry,
    index::Index,
    lines::{self, Said},
    local,
};
use crate::text::number;

/// How the head of the table begins.
const HEAD: &str = "Editor,EditorId,";
/// The column that commas of its own may widen: a path. Nothing is quoted.
const PROCESS: &str = "Active Process";
/// The column behind it that tells how many: it holds a time.
const SINCE: &str = "Granted Since";
const COMMAS_MAX: usize = 8;
const QUEUE: &str = "Queue Position";

/// The format.
pub struct Dslicsrv;

impl StatusFormat for Dslicsrv {
    fn name(&self) -> &'static str {
        "dsls-csv"
    }

    fn system(&self) -> &'static str {
        "dsls"
    }

    fn read(&self, answer: &Answer<'_>) -> Snapshot {
        let mut report = Report::new(answer.zone);
        let coverage = lines::read(answer.text, |line| report.line(line));
        let shows_queue =
            report.columns.is_some_and(|columns| columns.iter().any(|name| name == QUEUE));
        let mut snapshot = report.snapshot;
        for feature in snapshot.features.iter_mut().filter(|_| shows_queue) {
            let queued = feature.holders.iter().filter(|holder| holder.queued).count();
            feature.queued = u32::try_from(queued).ok();
        }
        report.console.judge(&mut snapshot, "DSLicSrv getLicenseUsage -csv");
        Snapshot { coverage, ..snapshot }
    }
}

struct Report<'a> {
    zone: &'a TimeZone,
    console: Console,
    snapshot: Snapshot,
    index: Index,
    columns: Option<Vec<String>>,
}

impl<'a> Report<'a> {
    fn new(zone: &'a TimeZone) -> Self {
        Self {
            zone,
            console: Console::default(),
            snapshot: Snapshot::default(),
            index: Index::default(),
            columns: None,
        }
    }

    fn line(&mut self, line: &str) -> Said {
        if let Some(at) = line.find(HEAD) {
            self.columns = Some(line[at..].split(',').map(|name| name.trim().to_owned()).collect());
            return Said::Known;
        }
        if let Some(said) = self.console.line(line) {
            return said;
        }
        let Some(columns) = self.columns.as_deref() else {
            return Said::Unknown("no line of DSLicSrv");
        };
        let row = Row::of(columns, line);
        let (Some(name), Some(count)) = (row.get("Feature"), row.get("Count").and_then(number))
        else {
            return Said::Unknown("no row of the table");
        };
        let license = row.license(name, count, self.zone);
        let is_it = |known: &FeatureStatus| is_same(known, &license);
        let at = self.index.find(&self.snapshot, name, is_it);
        let at = at.unwrap_or_else(|| self.index.push(&mut self.snapshot, license));
        self.snapshot.features[at].holders.extend(row.holder(self.zone));
        Said::Known
    }
}

/// Rows of one license repeat all of it: its counts are not to be added.
fn is_same(known: &FeatureStatus, row: &FeatureStatus) -> bool {
    (&known.vendor, &known.version, &known.pool) == (&row.vendor, &row.version, &row.pool)
        && (known.issued, known.in_use) == (row.issued, row.in_use)
        && known.entitlements == row.entitlements
}

/// The cells of a row by the names of their columns.
struct Row<'a> {
    columns: &'a [String],
    cells: Vec<&'a str>,
    /// Commas in the path of a process.
    extra: usize,
    process: usize,
}

impl<'a> Row<'a> {
    fn of(columns: &'a [String], line: &'a str) -> Self {
        let cells: Vec<&str> = line.split(',').collect();
        let place = |name: &str| columns.iter().position(|known| known == name);
        let is_time = |at: usize| cells.get(at).copied().and_then(local::iso).is_some();
        let extra = place(SINCE).and_then(|at| (0..=COMMAS_MAX).find(|extra| is_time(at + extra)));
        let process = place(PROCESS).unwrap_or(usize::MAX);
        Self { columns, cells, extra: extra.unwrap_or(0), process }
    }

    /// The cell of a column, if there is something in it.
    fn get(&self, name: &str) -> Option<&'a str> {
        let column = self.columns.iter().position(|known| known == name)?;
        let at = if column > self.process { column + self.extra } else { column };
        self.cells.get(at).map(|cell| cell.trim()).filter(|cell| !cell.is_empty())
    }

    fn process(&self) -> Option<String> {
        let cells = self.cells.get(self.process..=self.process.checked_add(self.extra)?)?;
        Some(cells.join(",").trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn license(&self, name: &str, count: u32, zone: &TimeZone) -> FeatureStatus {
        let mut feature = FeatureStatus::named(name);
        let text = |name: &str| self.get(name).map(str::to_owned);
        feature.vendor = self.get("Editor").map(Into::into);
        feature.version = text("Max Release Number");
        feature.pool = self.pool();
        feature.issued = Some(count);
        feature.in_use = self.get("Inuse").and_then(number);
        feature.expires = self.get("Expiration Date").and_then(|date| ends(date, zone));
        feature.entitlements.push(Entitlement {
            version: feature.version.clone(),
            count: feature.issued,
            expires: feature.expires,
            kind: None,
            locked_to: None,
        });
        feature
    }

    /// What tells stocks of one name apart.
    fn pool(&self) -> Option<String> {
        let names = ["Model", "Commercial Type", "Pricing Structure", "Customer ID"];
        let parts: Vec<&str> = names.iter().filter_map(|name| self.get(name)).collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }

    fn holder(&self, zone: &TimeZone) -> Option<Holder> {
        let text = |name: &str| self.get(name).map(str::to_owned);
        let (user, host) = (self.get("User"), self.get("Host"));
        user.or(host)?;
        let started = self.get("Granted At").or_else(|| self.get("Granted Since"));
        let process = self.process();
        let (process, pid) = process.as_deref().map_or((None, None), console::process);
        Some(Holder {
            user: user.map(Into::into),
            host: host.map(|host| console::host(host).into()),
            version: text("Client Code Version"),
            count: self.get("Tokens").and_then(number).unwrap_or(1),
            started: started.and_then(local::iso).and_then(|at| local::instant(at, zone)),
            handle: text("Session ID"),
            // Of some clients it is the name of the feature, and tells nobody apart.
            seat: text("Internal ID").filter(|id| self.get("Feature") != Some(id)),
            pid,
            process,
            queued: self.get(QUEUE).is_some(),
            ..Holder::default()
        })
    }
}

fn ends(text: &str, zone: &TimeZone) -> Option<Expiry> {
    local::iso(text).and_then(|local| expiry::at(local, zone)).or_else(|| expiry::iso(text, zone))
}
