//! The command line of licmon: what can be typed, and which room does it.

mod history;
mod logs;
mod parse;
mod polled;
mod servers;

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use lic_protocol::{
    config::ConfigError,
    dashboard::Dashboard,
    log::Log,
    name::{FeatureName, HostName, ServerName, UserName},
    pairs::Malformed,
    place::{Chosen, Place},
    query::{Cursor, Filter, LIMIT_DEFAULT, LIMIT_MAX, Which},
    want::{Want, Wish},
};
use lic_store::read::Reader;
use serde::Deserialize;

use self::{parse::Parse, polled::ReplayRaw, servers::ServerCommand};
use crate::{
    answers::{self, Form},
    around::{self, rule},
    config::Config,
    doctor, import,
    preview::preview,
    serve::{clock, serve},
    table::say,
};

/// Systems whose databases are taken over rather than read as logs.
const LITE: &str = "license-monitor-lite";

/// Follows license-server logs, grants licwrap's seats, and keeps the history of both.
#[derive(Debug, Parser)]
#[command(name = "licmon", version, max_term_width = 100)]
pub struct Cli {
    /// The configuration file [default: /etc/licwrap/licwrap.toml, else the user's own].
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder of both databases.
    #[arg(long, global = true, value_name = "DIR")]
    state: Option<PathBuf>,
    /// The folder of the socket and the seats' tokens.
    #[arg(long, global = true, value_name = "DIR")]
    runtime: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Follow the logs, grant the seats, keep the databases: runs until it is stopped.
    Serve,
    /// Read old logs once. Safe to run twice.
    Import(Import),
    /// Show what licmon understands of a file, without touching a database.
    Parse(Parse),
    /// Find out which license system logs are of, and what they tell: peaks, busiest hours, denials and users. Needs no
    /// configuration, and leaves nothing behind.
    Try {
        /// Logs of one license server, the oldest first; compressed ones too.
        #[arg(value_name = "FILE", required = true)]
        logs: Vec<PathBuf>,
    },
    /// Every feature at one glance.
    Status(Answer),
    /// The history of every feature in figures.
    Features(List),
    /// Who holds or held what, newest first.
    Sessions(Sessions),
    /// Refused checkouts, newest first.
    Denials(List),
    /// Everything that happened, newest first; or, with --follow, as it happens.
    Events(Events),
    /// The busiest features and the latest denials on the whole terminal, kept up to date; q leaves.
    Top,
    /// The seats of every tool, who holds them, who waits, and when those may start.
    Queue(Answer),
    /// Whether seats are free: prints how many, and leaves with 75 where there are too few. Of a tool of this machine it says what a
    /// run of yours would be told.
    Avail(Avail),
    /// Give back the seats of a lease; its tool runs on, uncounted. For root and licmon's own user.
    Release {
        /// Its number: the handle of its session.
        #[arg(value_name = "LEASE")]
        lease: u64,
    },
    /// License servers: their state, and what was understood of their logs.
    Servers(Answer),
    /// Look whether history is as it was stored, while licmon runs: names the first record that is not, and leaves with 1.
    Verify(history::Verify),
    /// Write a day of history as lines of JSON, which `licmon import --system licmon` reads elsewhere.
    Export(history::Export),
    /// Copy history to a file while licmon runs. Under that name is a whole copy, or none.
    Backup(history::Backup),
    /// List, try, add and remove license servers of the configuration.
    #[command(subcommand)]
    Server(ServerCommand),
    /// Read kept answers of license servers again: what this licmon makes of them.
    ReplayRaw(ReplayRaw),
    /// Make the live database again from history.
    Rebuild,
    /// Check the configuration, and say what it means.
    CheckConfig,
    /// Say what is wrong on this machine, and how to mend it: leaves with 1 where something is. Run it as root, to see all.
    Doctor(Answer),
}

#[derive(Debug, Args)]
struct Import {
    /// The license system: dsls, flexlm, rlm, pattern, or license-monitor-lite for that program's database, licmon for
    /// what `licmon export` wrote.
    #[arg(long, value_name = "SYSTEM")]
    system: String,
    /// The license server the logs belong to [default: the configured one of that system, else its name].
    #[arg(long, value_name = "NAME")]
    server: Option<String>,
    /// The zone of the times in them, such as Europe/Stockholm [default: the server's, else this machine's].
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// Logs, plain or compressed (gz, xz, zst), or folders of them.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
struct Avail {
    /// The feature, and how many seats of it are wanted [default: as many as a run takes].
    #[arg(value_name = "FEATURE[:N]", value_parser = wish)]
    wish: Wish,
    #[command(flatten)]
    answer: Answer,
}

#[derive(Debug, Args)]
struct Answer {
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Sessions {
    /// Only those held now.
    #[arg(long, conflicts_with = "ended")]
    active: bool,
    /// Only those that ended.
    #[arg(long)]
    ended: bool,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, Args)]
struct Events {
    /// Go on: one JSON document a line for each event, as it is learned, from now on.
    #[arg(long, conflicts_with_all = ["from", "to", "limit", "after", "json"])]
    follow: bool,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, Args)]
struct List {
    /// From this day (UTC) or time on: 2025-08-18, or 2025-08-18T06:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = first_instant)]
    from: Option<Timestamp>,
    /// To the end of this day (UTC), or before this time.
    #[arg(long, value_name = "TIME", value_parser = last_instant)]
    to: Option<Timestamp>,
    /// Of this license server.
    #[arg(long, value_name = "NAME")]
    server: Option<String>,
    /// Of this feature.
    #[arg(long, value_name = "NAME")]
    feature: Option<String>,
    /// Of this user.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Of this host.
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = LIMIT_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=i64::from(LIMIT_MAX)))]
    limit: u32,
    /// Only those after this place of the list.
    #[arg(long, value_name = "PLACE")]
    after: Option<Cursor>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// What was asked for cannot be: the fault is in the command line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub(crate) String);

/// It cannot be had now, and may be later.
#[derive(Debug, thiserror::Error)]
#[error("{} seat{} of {} cannot be had now", .0.count, if .0.count == 1 { "" } else { "s" }, .0.feature)]
pub struct NotNow(Want);

impl Cli {
    /// Does what was typed.
    ///
    /// # Errors
    /// [`NotNow`] for seats that are not free; [`Usage`] and [`ConfigError`] for what was typed or written wrongly; others when it could not be done.
    pub fn run(&self, log: &Log) -> anyhow::Result<()> {
        if let Command::Parse(parse) = &self.command {
            return self.parse(parse);
        }
        if let Command::Try { logs } = &self.command {
            return preview(logs, clock());
        }
        if let Command::Doctor(answer) = &self.command {
            return doctor::tell(&doctor::findings(&self.load(), clock()), answer.form());
        }
        let config = self.load()?;
        let reader = || Reader::open(&config.databases());
        match &self.command {
            Command::Parse(_) | Command::Try { .. } | Command::Doctor(_) => Ok(()),
            Command::Serve => {
                if let Some(file) = &config.log {
                    log.keep_in(file);
                }
                let chosen = self.chosen();
                serve(&config, move || Config::load(Place::find(&chosen)?))
            }
            Command::Import(import) => import.run(&config),
            Command::Verify(verify) => verify.run(&config),
            Command::Export(export) => export.run(&reader()?),
            Command::Backup(backup) => backup.run(&config),
            Command::Server(server) => server.run(&config),
            Command::ReplayRaw(replay) => replay.run(&config),
            Command::Rebuild => import::rebuild(&config),
            Command::Release { lease } => import::release(&config, *lease),
            Command::Avail(Avail { wish, answer }) => {
                match answers::avail::print(&config, answer.form(), wish)? {
                    None => Ok(()),
                    Some(want) => Err(NotNow(want).into()),
                }
            }
            Command::CheckConfig => check(&config),
            Command::Status(answer) => answers::status(&reader()?, answer.form(), clock()),
            Command::Events(Events { follow: true, list }) => {
                answers::events::follow(&reader()?, &list.filter())
            }
            Command::Events(Events { follow: false, list }) => {
                answers::events::print(&reader()?, list.form(), &list.filter())
            }
            Command::Top => answers::top::run(&reader()?),
            Command::Queue(answer) => answers::queue::print(&reader()?, answer.form(), clock()),
            Command::Servers(answer) => answers::servers(&reader()?, answer.form()),
            Command::Features(list) => answers::features(&reader()?, list.form(), &list.filter()),
            Command::Denials(list) => answers::denials(&reader()?, list.form(), &list.filter()),
            Command::Sessions(sessions) => {
                let list = &sessions.list;
                answers::sessions(&reader()?, list.form(), sessions.which(), &list.filter())
            }
        }
    }

    /// Whether the command runs on and tells its story in a log.
    #[must_use]
    pub fn is_serve(&self) -> bool {
        matches!(self.command, Command::Serve)
    }

    fn load(&self) -> Result<Config, ConfigError> {
        Config::load(Place::find(&self.chosen())?)
    }

    fn chosen(&self) -> Chosen {
        Chosen {
            config: self.config.clone(),
            state: self.state.clone(),
            runtime: self.runtime.clone(),
        }
    }
}

impl Answer {
    fn form(&self) -> Form {
        if self.json { Form::Json } else { Form::Table }
    }
}

impl Sessions {
    fn which(&self) -> Which {
        match (self.active, self.ended) {
            (true, _) => Which::Active,
            (_, true) => Which::Ended,
            _ => Which::All,
        }
    }
}

impl List {
    fn form(&self) -> Form {
        if self.json { Form::Json } else { Form::Table }
    }

    fn filter(&self) -> Filter {
        Filter {
            from: self.from,
            to: self.to,
            server: self.server.as_deref().map(ServerName::from),
            feature: self.feature.as_deref().map(FeatureName::from),
            user: self.user.as_deref().map(UserName::from),
            host: self.host.as_deref().map(HostName::from),
            limit: self.limit,
            after: self.after,
        }
    }
}

/// A day's beginning, or a time as it is.
fn first_instant(text: &str) -> Result<Timestamp, String> {
    day(text).map_or_else(|| instant(text), |day| midnight(Some(day)))
}

/// A day's end, or a time as it is.
fn last_instant(text: &str) -> Result<Timestamp, String> {
    day(text).map_or_else(|| instant(text), |day| midnight(day.tomorrow().ok()))
}

fn day(text: &str) -> Option<Date> {
    let is_bare = text.len() == "2025-08-18".len();
    text.parse().ok().filter(|_| is_bare)
}

fn midnight(day: Option<Date>) -> Result<Timestamp, String> {
    let midnight = day.and_then(|day| TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok());
    midnight.ok_or_else(|| "a day beyond the calendar".to_owned())
}

fn instant(text: &str) -> Result<Timestamp, String> {
    let like = "a day like 2025-08-18, or a time like 2025-08-18T06:00:00Z";
    text.parse().map_err(|_| format!("not {like}"))
}

fn wish(text: &str) -> Result<Wish, Malformed> {
    Wish::parse(text)
}

fn zone(name: &str) -> Result<TimeZone, Usage> {
    TimeZone::get(name)
        .map_err(|_| Usage(format!("unknown time zone `{name}`, like Europe/Stockholm")))
}

/// licdash's section, read for its mistakes.
#[derive(Default, Deserialize)]
#[serde(default)]
struct OfDashboard {
    dashboard: Dashboard,
}

fn check(config: &Config) -> anyhow::Result<()> {
    let dashboard = config.place.file.sections::<OfDashboard>()?.dashboard;
    say(&format!("{} has no mistake", config.place.file.shown_path()))?;
    say(&format!("live database     {}", config.place.live.display()))?;
    say(&format!("history           {}", config.place.history.display()))?;
    say(&format!("runtime folder    {}", config.place.runtime.display()))?;
    say(&format!("folders of logs   looked through every {:?}", config.scan))?;
    let mut unreadable = 0;
    for server in &config.servers {
        let found = crate::sources::folder::matching(&server.directory, &server.pattern);
        let found = found.with_context(|| format!("read folder {}", server.directory.display()));
        let files = match found {
            Ok(count) => format!("{count} files match {}", server.pattern),
            Err(error) => {
                unreadable += 1;
                format!("{error:#}")
            }
        };
        say(&format!(
            "license server    {} ({}, times in {}): {}: {files}",
            server.name,
            server.system.name(),
            server.zone_name,
            server.directory.display()
        ))?;
    }
    polled::say_polled(&config.polled)?;
    for tool in &config.tools {
        let seats = match tool.tool.seats {
            lic_admission::capacity::Seats::Limited(1) => "1 seat".to_owned(),
            lic_admission::capacity::Seats::Limited(seats) => format!("{seats} seats"),
            lic_admission::capacity::Seats::Unlimited => "counted, no limit".to_owned(),
        };
        say(&format!("tool              {}: {seats}", tool.name))?;
    }
    around::fitting::say_fitting(&rule::rules(&config.tools), config.scan_processes, clock())?;
    say(&format!("dashboard         http://{}", dashboard.listen))?;
    if unreadable > 0 {
        bail!(
            "the configuration has no mistake, but {unreadable} folder(s) of logs cannot be read"
        );
    }
    Ok(())
}
