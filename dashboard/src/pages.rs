//! What a page is: a frame and a view, printed by the template of the same name. A page never names the store.

pub(crate) mod denials;
pub(crate) mod events;
pub(crate) mod expiry;
pub(crate) mod feature;
pub(crate) mod features;
pub(crate) mod hosts;
pub(crate) mod overview;
pub(crate) mod queue;
pub(crate) mod search;
pub(crate) mod server;
pub(crate) mod servers;
pub(crate) mod sessions;
pub(crate) mod user;
pub(crate) mod users;

use askama::Template;
use axum::response::Html;
use jiff::Timestamp;
use lic_analytics::wait::RUNS_MIN;
use lic_protocol::view::{Feature, Mode, Server};

use crate::{
    error::{Error, Told},
    filters, format, link,
    state::App,
};

/// The five entries of the navigation: key, address, words.
pub(crate) const NAVIGATION: [(&str, &str, &str); 5] = [
    ("overview", "/", "Overview"),
    ("sessions", "/sessions", "Sessions"),
    ("denials", "/denials", "Denials"),
    ("queue", "/queue", "Queue"),
    ("servers", "/servers", "Servers"),
];

/// What stands round every page.
pub(crate) struct Frame {
    /// Heading of the browser's tab.
    title: String,
    /// Key of the entry of the navigation that is lit.
    here: &'static str,
    /// Number of the last change when the page was asked for.
    change: u64,
    /// When it was asked for.
    now: Timestamp,
    /// Whether a licmon runs.
    is_watched: bool,
    /// Histories that were damaged and set aside.
    aside: Vec<String>,
    /// The same view as JSON.
    json: Option<String>,
    /// The rows of the same view as CSV.
    csv: Option<String>,
    /// What is written in the search box.
    searched: String,
}

impl Frame {
    /// A frame for a page at `here`. Ask for it before asking the databases.
    fn new(app: &App, here: &'static str, title: &str) -> Self {
        let (change, now) = (app.change_number(), app.now());
        let is_watched = app.is_watched();
        let aside = app.histories_aside();
        let (json, csv, searched) = (None, None, String::new());
        Self { title: title.to_owned(), here, change, now, is_watched, aside, json, csv, searched }
    }

    /// With a link to the same view as JSON, at `path` under `/api/v1`.
    fn with_json(self, path: &str) -> Self {
        Self { json: Some(format!("/api/v1{path}")), ..self }
    }

    /// With links to the same view as JSON, and to its rows as CSV, at `path` under `/api/v1`.
    fn with_export(self, path: &str) -> Self {
        let json = format!("/api/v1{path}");
        Self { csv: Some(link::and(&json, "format", "csv")), json: Some(json), ..self }
    }

    /// A frame for a page that tells a failure; it has no time of its own.
    pub(crate) fn of_failure(title: &str, change: u64) -> Self {
        // A failure says itself what is wrong.
        Self {
            title: title.to_owned(),
            here: "",
            change,
            now: Timestamp::UNIX_EPOCH,
            is_watched: true,
            aside: Vec::new(),
            json: None,
            csv: None,
            searched: String::new(),
        }
    }

    /// How far ahead an estimate was when the page was asked for.
    fn until(&self, then: &Timestamp) -> String {
        format::until(*then, self.now)
    }

    /// How long ago `then` was when the page was asked for.
    fn age(&self, then: &Timestamp) -> String {
        format::age(*then, self.now)
    }
}

/// Prints a page.
fn print(page: &impl Template) -> Result<Html<String>, Error> {
    Ok(Html(page.render()?))
}

/// The page that tells a failure.
#[derive(Template)]
#[template(path = "parts/failure.html")]
struct FailureHtml<'told> {
    frame: Frame,
    told: &'told Told,
}

/// Prints the page that tells a failure.
pub(crate) fn error_html(frame: Frame, told: &Told) -> Result<String, askama::Error> {
    FailureHtml { frame, told }.render()
}

/// What to know of a tool that is not held to its seats.
fn mode_words(feature: &Feature) -> Option<&'static str> {
    match feature.mode? {
        Mode::Off => Some("not limited now"),
        Mode::Observe => Some("observed only"),
        Mode::Enforce => None,
    }
}

/// What the expected starts of a feature are made of.
fn estimate_words(runs: u32) -> String {
    if (runs as usize) < RUNS_MIN {
        return format!("no estimate yet: {runs} of {RUNS_MIN} runs have ended");
    }
    format!("estimated from the last {runs} runs")
}

/// What to do about a license server whose holders cannot be seen; `None` where they can, or where nothing was read yet.
fn tracing_notice(server: &Server) -> Option<Notice> {
    (server.usage_visible == Some(false)).then(|| Notice {
        server: server.name.to_string(),
        is_dsls: server.system == "dsls",
        denials_visible: server.denials_visible == Some(true),
    })
}

/// A license server whose holders cannot be seen.
struct Notice {
    server: String,
    is_dsls: bool,
    denials_visible: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_says_what_it_is_made_of() {
        assert_eq!(estimate_words(4), "no estimate yet: 4 of 5 runs have ended");
        assert_eq!(estimate_words(5), "estimated from the last 5 runs");
    }
}
