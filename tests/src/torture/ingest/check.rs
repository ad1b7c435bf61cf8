//! What must be true of what was stored: every line once, in the order of its file, or in a gap that holds nothing else.

use std::{
    collections::{BTreeMap, HashSet},
    path::Path,
};

use anyhow::Context;

use super::{
    super::history::rows,
    report::{Finding, Rule},
    writer::Life,
};

/// The number of the line that each record was, in the order of the commits.
const LINES: &str = "
    select id, cast(handle as integer) from checkout where id > SEEN
    union all
    select e.id, cast(coalesce(e.handle, c.handle) as integer) + 1
    from checkin e left join checkout c on c.id = e.checkout where e.id > SEEN
    order by 1";

/// Gaps that nobody has mended.
const GAPS: &str = "
    select id, path, from_byte, coalesce(to_byte, 'nobody knows'), why from gap g
    where id > SEEN and mends is null and not exists (select 1 from gap m where m.mends = g.id)
    order by id";

/// The way in which a log becomes the second half of something compressed.
const APPENDED: u32 = 16;

/// What licmon stored.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) lines: Vec<u64>,
    pub(super) gaps: Vec<Gap>,
    integrity: String,
    /// The newest of all these records.
    pub(super) last: i64,
}

/// A gap as it stands in history.
#[derive(Clone, Debug)]
pub(super) struct Gap {
    id: i64,
    path: String,
    from: u64,
    to: Option<u64>,
    why: String,
}

impl Stored {
    /// Reads what was stored behind the record `seen`.
    pub(super) fn read(history: &Path, seen: i64) -> anyhow::Result<Self> {
        let of = |sql: &str| rows(history, &sql.replace("SEEN", &seen.to_string()));
        let line = |row: &String| {
            let (id, number) = row.split_once('\t')?;
            Some((id.parse().ok()?, number.parse().ok()?))
        };
        let lines = of(LINES)?.iter().map(line).collect::<Option<Vec<(i64, u64)>>>();
        let lines = lines.context("numbers of lines")?;
        let gaps = of(GAPS)?.iter().map(|row| gap(row)).collect::<Option<Vec<_>>>();
        let gaps = gaps.context("gaps")?;
        let newest = lines.iter().map(|(id, _)| *id).chain(gaps.iter().map(|gap| gap.id)).max();
        Ok(Self {
            integrity: of("pragma quick_check")?.join("; "),
            last: newest.unwrap_or(seen),
            lines: lines.into_iter().map(|(_, number)| number).collect(),
            gaps,
        })
    }
}

/// The greatest number of a line among the newest records.
pub(super) fn newest(history: &Path) -> Option<u64> {
    let sql = "select max(cast(handle as integer)) from (select handle from checkout order by id desc limit 300)";
    rows(history, sql).ok()?.first()?.parse().ok()
}

fn gap(row: &str) -> Option<Gap> {
    let columns: Vec<&str> = row.split('\t').collect();
    let [id, path, from, to, why] = columns[..] else { return None };
    Some(Gap {
        id: id.parse().ok()?,
        path: path.to_owned(),
        from: from.parse().ok()?,
        to: to.parse().ok(),
        why: why.to_owned(),
    })
}

/// Everything that is wrong. Of what was removed when it had been read and checked licmon may say, when it is next started, that
/// nobody knows what was behind its end.
pub(super) fn findings(lives: &[&Life], removed: &HashSet<u64>, stored: &Stored) -> Vec<Finding> {
    let mut findings = Vec::new();
    if stored.integrity != "ok" {
        findings.push(Rule::Integrity.broken(stored.integrity.clone()));
    }
    let mut places: BTreeMap<u64, usize> = BTreeMap::new();
    for (place, number) in stored.lines.iter().enumerate() {
        if places.insert(*number, place).is_some() {
            findings.push(Rule::Twice.broken(format!("line {number} is stored twice")));
        }
    }
    let written: usize = lives.iter().map(|life| life.lines.len()).sum();
    if places.len() > written {
        let text = format!("{} lines are stored, and {written} were written", places.len());
        findings.push(Rule::Twice.broken(text));
    }
    let mut gaps = stored.gaps.clone();
    // A gap may fit several lives, of which one only may lack lines: that one is asked first.
    let is_whole =
        |life: &Life| life.lines.iter().all(|(number, _, _)| places.contains_key(number));
    let (whole, others): (Vec<&Life>, Vec<&Life>) = lives.iter().partition(|life| is_whole(life));
    for life in others.into_iter().chain(whole) {
        check_life(life, &places, &mut gaps, &mut findings);
    }
    let is_told = |gap: &&Gap| !(gap.to.is_none() && removed.contains(&gap.from));
    let left = gaps.iter().filter(is_told).map(|gap| {
        Rule::Gap
            .broken(format!("{} from byte {} to {:?}: {}", gap.path, gap.from, gap.to, gap.why))
    });
    findings.extend(left);
    findings
}

/// The lines of one life of a log are stored in their order, up to a place behind which all are missing; and there a gap begins.
fn check_life(
    life: &Life,
    places: &BTreeMap<u64, usize>,
    gaps: &mut Vec<Gap>,
    findings: &mut Vec<Finding>,
) {
    let stored: Vec<usize> =
        life.lines.iter().map_while(|(number, _, _)| places.get(number).copied()).collect();
    if !stored.is_sorted() {
        let text = format!("lines of {} from {:?} on", life.name, life.lines.first());
        findings.push(Rule::Order.broken(text));
    }
    let missing = &life.lines[stored.len()..];
    let back = missing.iter().find(|(number, _, _)| places.contains_key(number));
    if let (Some((first, _, _)), Some((number, _, _))) = (missing.first(), back) {
        let text = format!("line {first} of {} is missing, and {number} is stored", life.name);
        findings.push(Rule::Lost.broken(text));
    }
    let read = &life.lines[..stored.len()];
    let end = read.last().map_or(0, |(_, _, to)| *to);
    let until = match (read, missing) {
        (_, [(_, from, _), ..]) => *from,
        ([], []) => u64::MAX,
        (_, []) => end,
    };
    // What was appended to something else is read there, and nobody knows that it is the same.
    let least = if life.style == APPENDED { 0 } else { end };
    let is_its = |gap: &Gap| {
        life.names().any(|name| gap.path.contains(name))
            && (least..=until).contains(&gap.from)
            && gap.to.is_none()
    };
    let place = gaps.iter().position(is_its).filter(|_| life.may_lose);
    match (missing.first(), place) {
        (_, Some(place)) => drop(gaps.remove(place)),
        (Some((number, _, _)), None) => {
            let text = format!(
                "line {number} and {} behind it, of {} that ended in the way {}; read to byte {end}",
                missing.len() - 1,
                life.name,
                life.style
            );
            findings.push(Rule::Lost.broken(text));
        }
        (None, None) => {}
    }
}
