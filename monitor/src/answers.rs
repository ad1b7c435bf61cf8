//! The commands that answer: each reads the databases and prints a table, or the document that the API route of its name gives.

pub mod avail;
pub mod backup;
pub mod events;
pub mod export;
pub mod queue;
pub mod top;
pub mod verify;

use jiff::Timestamp;
use lic_analytics::figures::figures;
use lic_protocol::{
    query::{Filter, Which},
    seal::SealedUntil,
    view::{
        Denials, Episode, EpisodeOutcome, Feature, FeatureHistory, Features, Overview, Server,
        Servers, Session, Sessions,
    },
};
use lic_store::read::{Reader, episodes::DenialCount};

use crate::table::{UNSEEN, cell, say, say_json, say_table, span, time};

/// How an answer is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A table for people.
    Table,
    /// One JSON document.
    Json,
}

/// `licmon status`.
///
/// # Errors
/// When the databases cannot be read.
pub fn status(reader: &Reader, form: Form, now: Timestamp) -> anyhow::Result<()> {
    let overview = reader.overview(now)?;
    if form == Form::Json {
        return say_json(&overview);
    }
    let heads = ["SERVER", "FEATURE", "IN USE", "ISSUED", "SESSIONS", "QUEUED", "STATE", "AS OF"];
    let empty = "nothing is known of any feature yet: see `licmon servers`";
    say_table(&heads, overview.features.iter().map(feature_row), empty)?;
    notices(&overview)
}

/// `licmon features`.
///
/// # Errors
/// When the databases cannot be read.
pub fn features(reader: &Reader, form: Form, filter: &Filter) -> anyhow::Result<()> {
    let mut features = Vec::new();
    for now in reader.features()? {
        let is_wanted = filter.server.as_ref().is_none_or(|server| *server == now.server)
            && filter.feature.as_ref().is_none_or(|feature| *feature == now.feature);
        if is_wanted {
            features.push(history(reader, now)?);
        }
    }
    let features = Features { features };
    if form == Form::Json {
        return say_json(&features);
    }
    let heads = [
        "SERVER",
        "FEATURE",
        "CHECKOUTS",
        "ENDED",
        "HOURS",
        "CHECKINS",
        "TIMEOUTS",
        "PEAK SEATS",
        "PEAK SESSIONS",
        "DENIALS",
        "EPISODES",
    ];
    say_table(&heads, features.features.iter().map(figures_row), "no feature of that name is known")
}

/// `licmon sessions`.
///
/// # Errors
/// When the databases cannot be read.
pub fn sessions(reader: &Reader, form: Form, which: Which, filter: &Filter) -> anyhow::Result<()> {
    let page: Sessions = reader.sessions(which, filter)?;
    if form == Form::Json {
        return say_json(&page);
    }
    let heads =
        ["STARTED", "ENDED", "WHY", "LASTED", "SERVER", "FEATURE", "USER", "HOST", "PROCESS"];
    let rows = page.sessions.iter().map(|session| {
        vec![
            time(session.started),
            ended(session),
            cell(session.end_reason),
            session.duration_s.map_or_else(|| UNSEEN.to_owned(), span),
            session.server.to_string(),
            session.feature.to_string(),
            session.user.to_string(),
            session.host.to_string(),
            cell(session.process.clone()),
        ]
    });
    say_table(&heads, rows, "no session")?;
    more(page.next.as_deref())
}

/// `licmon denials`. The table has a row for each episode.
///
/// # Errors
/// When the databases cannot be read.
pub fn denials(reader: &Reader, form: Form, filter: &Filter) -> anyhow::Result<()> {
    let page: Denials = reader.denials(filter)?;
    if form == Form::Json {
        return say_json(&page);
    }
    let heads =
        ["AT", "TRIES", "SINCE", "THEN", "SERVER", "FEATURE", "USER", "HOST", "CLASS", "REASON"];
    let rows = page.by_episode().into_iter().map(|(denial, episode)| {
        vec![
            time(denial.at),
            episode.tries.to_string(),
            time(episode.first),
            outcome(episode),
            denial.server.to_string(),
            denial.feature.to_string(),
            denial.user.to_string(),
            denial.host.to_string(),
            denial.reason_class.to_string(),
            denial.reason.clone(),
        ]
    });
    say_table(&heads, rows, "no denial")?;
    more(page.next.as_deref())
}

/// `licmon servers`.
///
/// # Errors
/// When the databases cannot be read.
pub fn servers(reader: &Reader, form: Form) -> anyhow::Result<()> {
    let sealed_until = reader.sealed_until()?;
    let servers = Servers { servers: reader.servers()?, sealed_until };
    if form == Form::Json {
        return say_json(&servers);
    }
    let heads = [
        "SERVER",
        "SYSTEM",
        "STATE",
        "LAST HEARD",
        "CHECKOUTS",
        "LINES",
        "EVENTS",
        "NOISE",
        "UNKNOWN",
        "ERROR",
    ];
    let empty = "no license server: name one in licwrap.toml, or `licmon import` a log";
    say_table(&heads, servers.servers.iter().map(server_row), empty)?;
    servers.servers.iter().try_for_each(tracing_notice)?;
    servers.servers.iter().try_for_each(gaps_notice)?;
    match sealed_until {
        Some(SealedUntil { head, committed_at }) => {
            say(&format!("\nhistory is sealed until {}: head {head}", time(committed_at)))
        }
        None => Ok(()),
    }
}

fn history(reader: &Reader, now: Feature) -> anyhow::Result<FeatureHistory> {
    let DenialCount { tries: denials, episodes } =
        reader.denial_count(&now.server, &now.feature)?;
    let figures = match now.in_use {
        Some(_) => Some(figures(&reader.spans(&now.server, &now.feature)?)),
        None => None,
    };
    Ok(FeatureHistory { now, denials, episodes, figures })
}

/// How tries in a row ended.
fn outcome(episode: &Episode) -> String {
    match (episode.outcome, episode.granted_at) {
        (Some(EpisodeOutcome::GaveUp), _) => "gave up".to_owned(),
        (Some(EpisodeOutcome::Granted), Some(at)) => {
            format!("granted after {}", span(at.duration_since(episode.first).as_secs_f64()))
        }
        (Some(EpisodeOutcome::Granted), None) => "granted".to_owned(),
        (None, _) => UNSEEN.to_owned(),
    }
}

/// When a session ended, or between which times.
fn ended(session: &Session) -> String {
    match (session.ended, session.ended_before) {
        (None, _) => "active".to_owned(),
        (Some(_), Some(before)) if session.duration_s.is_none() => {
            format!("before {}", time(before))
        }
        (Some(ended), _) => time(ended),
    }
}

fn feature_row(feature: &Feature) -> Vec<String> {
    let state = match (feature.in_use, feature.issued, feature.queued) {
        (None, _, _) => "not visible",
        (_, _, Some(1..)) => "queue",
        (Some(in_use), Some(issued), _) if in_use >= issued => "full",
        (Some(0), _, _) => "free",
        (Some(_), _, _) => "in use",
    };
    let issued = if feature.uncounted { "no limit".to_owned() } else { cell(feature.issued) };
    vec![
        feature.server.to_string(),
        feature.feature.to_string(),
        cell(feature.in_use),
        issued,
        cell(feature.sessions),
        cell(feature.queued),
        state.to_owned(),
        feature.as_of.map_or_else(|| UNSEEN.to_owned(), time),
    ]
}

fn figures_row(feature: &FeatureHistory) -> Vec<String> {
    let figure = |of: &dyn Fn(&lic_protocol::view::Figures) -> String| {
        feature.figures.as_ref().map_or_else(|| "not visible".to_owned(), of)
    };
    vec![
        feature.now.server.to_string(),
        feature.now.feature.to_string(),
        figure(&|figures| figures.checkouts.to_string()),
        figure(&|figures| figures.ended_sessions.to_string()),
        figure(&|figures| format!("{:.4}", figures.ended_session_hours)),
        figure(&|figures| figures.checkins.to_string()),
        figure(&|figures| figures.timeouts.to_string()),
        figure(&|figures| figures.peak_seats.to_string()),
        figure(&|figures| figures.peak_sessions.to_string()),
        feature.denials.to_string(),
        feature.episodes.to_string(),
    ]
}

fn server_row(server: &Server) -> Vec<String> {
    let checkouts = match server.usage_visible {
        Some(true) => "visible",
        Some(false) => "tracing off",
        None => UNSEEN,
    };
    let error = server
        .error
        .clone()
        .or_else(|| server.sources.iter().find_map(|source| source.error.clone()));
    vec![
        server.name.to_string(),
        server.system.clone(),
        server.state.to_string(),
        server.last_answer.map_or_else(|| UNSEEN.to_owned(), time),
        checkouts.to_owned(),
        server.coverage.lines.to_string(),
        server.coverage.events.to_string(),
        server.coverage.noise.to_string(),
        server.coverage.unknown.to_string(),
        cell(error),
    ]
}

/// What everybody who reads a table should know beside it.
fn notices(overview: &Overview) -> anyhow::Result<()> {
    for server in &overview.servers {
        if let Some(error) = &server.error {
            say(&format!("\n{}: {error}", server.name))?;
        }
        tracing_notice(server)?;
        gaps_notice(server)?;
    }
    Ok(())
}

/// What could not be read.
fn gaps_notice(server: &Server) -> anyhow::Result<()> {
    match server.gaps.sentence() {
        Some(sentence) => say(&format!("\n{}: {sentence}", server.name)),
        None => Ok(()),
    }
}

/// Where a log shows no checkouts, why, and what to do.
fn tracing_notice(server: &Server) -> anyhow::Result<()> {
    if server.usage_visible != Some(false) {
        return Ok(());
    }
    let help = lic_parse::registry::license_system(&server.system);
    let help = help.map_or("", |system| system.tracing_help());
    say(&format!("\nusage tracing is not enabled on {}: {help}", server.name))
}

fn more(next: Option<&str>) -> anyhow::Result<()> {
    match next {
        Some(next) => say(&format!("\nmore: --after {next}")),
        None => Ok(()),
    }
}
