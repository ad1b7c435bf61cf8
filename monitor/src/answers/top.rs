//! `licmon top`: the overview on the whole terminal, kept up to date.

use std::{
    io::{IsTerminal, Read, Write},
    os::fd::AsFd,
};

use anyhow::Context;
use jiff::Timestamp;
use lic_protocol::{
    query::Filter,
    view::{Denials, Feature, Overview, ServerState},
};
use lic_store::read::Reader;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use crate::{
    serve::clock,
    table::{UNSEEN, cell, say, shown, span},
};

/// A commit, and a key, are seen after this time.
const LOOK_MS: u16 = 250;
/// Looks between two drawings where nothing has changed: ages go on.
const LOOKS_IDLE: u32 = 8;
/// Denials shown below the features.
const DENIALS_SHOWN: u32 = 5;
/// Characters of a bar.
const BAR: usize = 20;
/// Without a terminal: what is wide enough for a line, and as many rows as there are.
const PLAIN: (usize, usize) = (110, usize::MAX);
/// Keys that leave: q, Q, escape, and what Ctrl-C and Ctrl-D send.
const LEAVE: [u8; 5] = [b'q', b'Q', 0x1b, 0x03, 0x04];

/// Draws until a key leaves; once, where there is no terminal.
///
/// # Errors
/// When the databases cannot be read, or the terminal not be set.
pub fn run(reader: &Reader) -> anyhow::Result<()> {
    if !(std::io::stdout().is_terminal() && std::io::stdin().is_terminal()) {
        return say(&screen(reader, clock(), PLAIN)?.join("\n"));
    }
    let _terminal = Terminal::take()?;
    let mut change = reader.change_number()?;
    loop {
        draw(&screen(reader, clock(), size())?)?;
        for _ in 0..LOOKS_IDLE {
            if is_left()? {
                return Ok(());
            }
            let now = reader.change_number()?;
            if now != change {
                change = now;
                break;
            }
        }
    }
}

/// Waits for a key for a moment; true when it leaves.
fn is_left() -> anyhow::Result<bool> {
    let mut keys = std::io::stdin();
    let mut watched = [PollFd::new(keys.as_fd(), PollFlags::POLLIN)];
    if poll(&mut watched, PollTimeout::from(LOOK_MS)).context("wait for a key")? == 0 {
        return Ok(false);
    }
    let mut pressed = [0; 16];
    let count = keys.read(&mut pressed).context("read a key")?;
    Ok(count == 0 || pressed[..count].iter().any(|key| LEAVE.contains(key)))
}

/// A terminal that is ours; as it was once this is dropped.
struct Terminal(Termios);

impl Terminal {
    fn take() -> anyhow::Result<Self> {
        let keys = std::io::stdin();
        let before = tcgetattr(&keys).context("ask how the terminal is set")?;
        let mut ours = before.clone();
        // Keys come at once, are not shown, and Ctrl-C is one of them: so the terminal is always given back.
        ours.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
        tcsetattr(&keys, OptionalActions::Now, &ours).context("set the terminal")?;
        let terminal = Self(before);
        write("\x1b[?1049h\x1b[?25l")?;
        Ok(terminal)
    }
}

/// Columns and rows of the terminal.
fn size() -> (usize, usize) {
    let size = tcgetwinsize(std::io::stdout()).ok().filter(|size| size.ws_col > 0);
    size.map_or((80, 24), |size| (size.ws_col.into(), size.ws_row.into()))
}

/// Writes each line over the one in its place and wipes what is behind it: nothing flickers.
fn draw(lines: &[String]) -> anyhow::Result<()> {
    let text: Vec<String> = lines.iter().map(|line| format!("{line}\x1b[K")).collect();
    write(&format!("\x1b[H{}\x1b[J", text.join("\r\n")))
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // There is nobody to tell when it fails.
        let _ = write("\x1b[?25h\x1b[?1049l");
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.0);
    }
}

fn write(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("write to the terminal")
}

/// What is shown at `now` on so many columns and rows.
fn screen(reader: &Reader, now: Timestamp, size: (usize, usize)) -> anyhow::Result<Vec<String>> {
    let filter = Filter { limit: DENIALS_SHOWN, ..Filter::default() };
    Ok(lines(&reader.overview(now)?, &reader.denials(&filter)?, size))
}

fn lines(overview: &Overview, denials: &Denials, (columns, rows): (usize, usize)) -> Vec<String> {
    let now = overview.as_of;
    let below: Vec<String> = denials
        .by_episode()
        .into_iter()
        .map(|(denial, episode)| {
            let age = span(now.duration_since(denial.at).as_secs_f64());
            let tries = if episode.tries > 1 {
                format!(", {} tries", episode.tries)
            } else {
                String::new()
            };
            format!(
                "{age} ago  {}  {} at {}: {}{tries}",
                denial.feature, denial.user, denial.host, denial.reason
            )
        })
        .collect();
    let mut all = vec![summary(overview), String::new(), heads()];
    let room = rows.saturating_sub(all.len() + below.len() + 3).max(1);
    let mut features: Vec<&Feature> = overview.features.iter().collect();
    features.sort_by_key(|row| {
        std::cmp::Reverse((row.queued.unwrap_or(0), share(row), row.in_use.unwrap_or(0)))
    });
    all.extend(features.iter().take(room).map(|row| feature(row)));
    if features.len() > room {
        all.push(format!("and {} more", features.len() - room));
    }
    if !below.is_empty() {
        all.extend([String::new(), "LATEST DENIALS".to_owned()]);
        all.extend(below);
    }
    all.truncate(rows);
    all.iter().map(|line| cut(line, columns)).collect()
}

fn summary(overview: &Overview) -> String {
    let sum = |of: fn(&Feature) -> Option<u32>| -> u64 {
        overview.features.iter().filter_map(of).map(u64::from).sum()
    };
    let troubled = overview.servers.iter().filter(|server| {
        matches!(server.state, ServerState::Down | ServerState::Degraded) || server.error.is_some()
    });
    format!(
        "{}   sessions {}   waiting {}   servers in trouble {} of {}   (q leaves)",
        crate::table::time(overview.as_of),
        sum(|row| row.sessions),
        sum(|row| row.queued),
        troubled.count(),
        overview.servers.len()
    )
}

fn heads() -> String {
    format!(
        "{:<24} {:<14} {:>12} {:<BAR$} {:>6}  STATE",
        "FEATURE", "SERVER", "IN USE", "", "QUEUED"
    )
}

fn feature(row: &Feature) -> String {
    let issued = if row.uncounted { "no limit".to_owned() } else { cell(row.issued) };
    let in_use = row.in_use.map_or(UNSEEN.to_owned(), |seats| format!("{seats} of {issued}"));
    let state = match (row.in_use, row.issued, row.queued) {
        (None, _, _) => "not visible",
        (_, _, Some(1..)) => "queue",
        (Some(in_use), Some(issued), _) if in_use >= issued && !row.uncounted => "full",
        (Some(0), _, _) => "free",
        (Some(_), _, _) => "in use",
    };
    format!(
        "{} {} {in_use:>12} {} {:>6}  {state}",
        padded(row.feature.as_str(), 24),
        padded(row.server.as_str(), 14),
        bar(row),
        cell(row.queued)
    )
}

/// Seats in use in hundredths of those there are.
fn share(row: &Feature) -> u64 {
    let known = row.in_use.zip(row.issued).filter(|_| !row.uncounted);
    known.map_or(0, |(part, whole)| u64::from(part) * 100 / u64::from(whole.max(1)))
}

fn bar(row: &Feature) -> String {
    let known = row.in_use.zip(row.issued).filter(|_| !row.uncounted);
    let Some((part, whole)) = known else { return " ".repeat(BAR) };
    let full = (part.min(whole) as usize * BAR).div_ceil(whole.max(1) as usize);
    format!("{}{}", "█".repeat(full), "░".repeat(BAR - full))
}

/// `text`, cut or filled to so many characters.
fn padded(text: &str, columns: usize) -> String {
    format!("{:<columns$}", cut(text, columns))
}

/// The beginning of a line that fits, with nothing in it that acts on a terminal.
fn cut(line: &str, columns: usize) -> String {
    let line = shown(line);
    if line.chars().count() <= columns {
        return line.into_owned();
    }
    line.chars().take(columns.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use lic_protocol::view::Source;

    use super::*;

    fn row(name: &str, in_use: Option<u32>, issued: Option<u32>, queued: Option<u32>) -> Feature {
        Feature {
            server: "catia".into(),
            system: "dsls".to_owned(),
            feature: name.into(),
            version: None,
            vendor: None,
            issued,
            in_use,
            unwrapped: None,
            reserved: None,
            queued,
            sessions: in_use,
            expires: None,
            uncounted: false,
            as_of: None,
            source: Source::Log,
            mode: None,
        }
    }

    #[track_caller]
    fn check(features: Vec<Feature>, size: (usize, usize), expected: &[&str]) {
        let overview = Overview { as_of: Timestamp::UNIX_EPOCH, features, servers: Vec::new() };
        let denials = Denials { denials: Vec::new(), episodes: Vec::new(), next: None };
        let lines = lines(&overview, &denials, size);
        assert!(lines.iter().all(|line| line.chars().count() <= size.0), "{lines:#?}");
        let names = lines.iter().skip(3).map(|line| line.split_whitespace().next().unwrap_or(""));
        assert_eq!(names.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_busiest_come_first_and_fit() {
        let rows = vec![
            row("idle", Some(0), Some(4), None),
            row("half", Some(2), Some(4), None),
            row("full", Some(4), Some(4), None),
            row("waited-for", Some(1), Some(4), Some(2)),
        ];
        check(rows.clone(), (80, 24), &["waited-for", "full", "half", "idle"]);
        check(rows.clone(), (20, 24), &["waited-for", "full", "half", "idle"]);
        check(rows, (80, 8), &["waited-for", "full", "and"]);
    }

    #[test]
    fn names_cannot_act_on_the_terminal() {
        check(vec![row("\x1b[2J", None, None, None)], (80, 24), &["\\x1B[2J"]);
    }

    #[test]
    fn a_bar_is_empty_only_when_nothing_is_held() {
        let drawn = |in_use| bar(&row("x", Some(in_use), Some(100), None));
        assert_eq!(drawn(0), "░".repeat(BAR));
        assert_eq!(drawn(1), format!("█{}", "░".repeat(BAR - 1)));
        assert_eq!(drawn(200), "█".repeat(BAR));
    }
}
