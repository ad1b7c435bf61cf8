//! A log of FlexNet replayed in the plainest way there is: every checkin looks through all checkouts before it. It shares nothing
//! with the parsers and the store, and is what they are compared with.

use jiff::{civil::Date, civil::DateTime};

/// A clock that goes back by more than this has passed midnight.
const MIDNIGHT_S: i64 = 12 * 3600;
const DAY_S: i64 = 24 * 3600;

/// One seat taken, and given back if it was.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    /// Which feature.
    pub feature: String,
    /// By whom.
    pub user: String,
    /// Where.
    pub host: String,
    /// Seats.
    pub count: u32,
    /// From when, by the clock of the log.
    pub from: DateTime,
    /// Until when.
    pub to: Option<DateTime>,
}

/// What a log tells.
#[derive(Debug, Default)]
pub struct Replay {
    /// Every checkout, in the order of the log.
    pub pairs: Vec<Pair>,
    /// Lines `OUT:`.
    pub outs: usize,
    /// Lines `IN:`.
    pub ins: usize,
    /// Refusals.
    pub denied: usize,
    /// Dates that the log tells by itself and that the passing of its midnights does not lead to.
    pub wrong_dates: Vec<String>,
    /// The most seats of each feature at one instant, by the order of the lines.
    pub peaks: std::collections::BTreeMap<String, u32>,
}

/// A line with its clock, its vendor daemon and what it says.
struct Line<'a> {
    second: i64,
    daemon: &'a str,
    text: &'a str,
}

/// An `OUT` or `IN`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seat {
    daemon: String,
    feature: String,
    user: String,
    host: String,
    count: u32,
}

impl Replay {
    /// Replays a log; every midnight is `late` days too long, which is 0 for who wants the truth.
    #[must_use]
    pub fn of(log: &str, late: i64) -> Self {
        let lines: Vec<Line<'_>> = log.lines().filter_map(line).collect();
        let mut replay = Self::default();
        let dates = replay.dates(&lines, late);
        let mut open: Vec<(Seat, usize)> = Vec::new();
        for (line, date) in lines.iter().zip(dates) {
            let at = date.at(0, 0, 0, 0) + jiff::SignedDuration::from_secs(line.second);
            if line.text.starts_with("Server started on") {
                for (_, place) in open.extract_if(.., |(seat, _)| seat.daemon == line.daemon) {
                    replay.pairs[place].to = Some(at);
                }
            }
            if let Some(seat) = seat(line, "OUT: ") {
                replay.outs += 1;
                let Seat { feature, user, host, count, .. } = seat.clone();
                open.push((seat, replay.pairs.len()));
                replay.pairs.push(Pair { feature, user, host, count, from: at, to: None });
            }
            if let Some(seat) = seat(line, "IN: ") {
                replay.ins += 1;
                let of_any =
                    |(held, _): &(Seat, usize)| Seat { count: seat.count, ..held.clone() } == seat;
                let place = open.iter().position(|(held, _)| *held == seat);
                if let Some(place) = place.or_else(|| open.iter().position(of_any)) {
                    let (_, pair) = open.remove(place);
                    replay.pairs[pair].to = Some(at);
                }
            }
            replay.denied += usize::from(line.text.starts_with("DENIED: "));
            for feature in open.iter().map(|(seat, _)| &seat.feature) {
                let held = open.iter().filter(|(seat, _)| seat.feature == *feature);
                let seats: u32 = held.map(|(seat, _)| seat.count).sum();
                let peak = replay.peaks.entry(feature.clone()).or_default();
                *peak = seats.max(*peak);
            }
        }
        replay
    }

    /// Seats times hours of what was given back.
    #[must_use]
    pub fn seat_hours(&self, feature: &str) -> f64 {
        let of_feature = self.pairs.iter().filter(|pair| pair.feature == feature);
        let hours = of_feature.filter_map(|pair| {
            let held = pair.to?.duration_since(pair.from).as_secs_f64() / 3600.0;
            Some(held * f64::from(pair.count))
        });
        hours.sum()
    }

    /// The date of every line: midnights are counted from the first date that the log tells, and each further one must agree.
    fn dates(&mut self, lines: &[Line<'_>], late: i64) -> Vec<Date> {
        let (mut day, mut days, mut before) = (0, Vec::new(), None);
        for line in lines {
            if before.is_some_and(|before| line.second < before - MIDNIGHT_S) {
                day += 1 + late;
            }
            before = Some(line.second);
            days.push(day);
        }
        let told: Vec<(usize, Date)> = lines
            .iter()
            .enumerate()
            .filter_map(|(at, line)| Some((at, told(line.text)?)))
            .collect();
        let Some((first, date)) = told.first().copied() else {
            return vec![Date::ZERO; lines.len()];
        };
        let on = |day: i64| date + jiff::SignedDuration::from_secs((day - days[first]) * DAY_S);
        for (at, told) in told {
            // A log that is quiet for a day and longer skips midnights; it cannot skip back.
            if on(days[at]) != told {
                self.wrong_dates.push(format!("{told}: {}", lines[at].text));
            }
        }
        days.iter().map(|day| on(*day)).collect()
    }
}

/// ` H:MM:SS (DAEMON) TEXT`.
fn line(text: &str) -> Option<Line<'_>> {
    let (clock, rest) = text.trim_start_matches(['\u{feff}', ' ']).split_once(" (")?;
    let parts: Vec<i64> = clock.split(':').map(str::parse).collect::<Result<_, _>>().ok()?;
    let [hour, minute, second] = parts[..] else { return None };
    let (daemon, text) = rest.split_once(") ")?;
    Some(Line { second: hour * 3600 + minute * 60 + second, daemon, text: text.trim_end() })
}

/// `OUT: "FEATURE" USER@HOST  (N licenses) (REASON)`.
fn seat(line: &Line<'_>, word: &str) -> Option<Seat> {
    let rest = line.text.strip_prefix(word)?.strip_prefix('"')?;
    let (feature, rest) = rest.split_once("\" ")?;
    let who = rest.split("  ").next()?;
    let (user, host) = who.rsplit_once('@')?;
    let count = rest.split_once(" licenses)").map_or(1, |(before, _)| {
        before.rsplit('(').next().and_then(|number| number.parse().ok()).unwrap_or(1)
    });
    let text = |text: &str| text.trim().to_owned();
    Some(Seat {
        daemon: text(line.daemon),
        feature: text(feature),
        user: text(user),
        host: text(host),
        count,
    })
}

/// A date that a line tells of itself: `TIMESTAMP 3/11/2017`, `started on oak (linux) (1/8/2017)`.
fn told(text: &str) -> Option<Date> {
    let date = match text.strip_prefix("TIMESTAMP ") {
        Some(date) => date,
        None if text.starts_with("FlexNet Licensing (") => {
            text.strip_suffix(')')?.rsplit('(').next()?
        }
        None => return None,
    };
    let parts: Vec<i16> = date.split('/').map(str::parse).collect::<Result<_, _>>().ok()?;
    let [month, day, year] = parts[..] else { return None };
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}
