//! What a page is: a frame and a view, printed by the template of the same name. A page never names the store.

pub(crate) mod denials;
pub(crate) mod feature;
pub(crate) mod features;
pub(crate) mod overview;
pub(crate) mod queue;
pub(crate) mod servers;
pub(crate) mod sessions;

use askama::Template;
use axum::response::Html;
use jiff::Timestamp;
use lic_analytics::wait::RUNS_MIN;
use lic_protocol::view::{Feature, Mode, Server};

use crate::{
    error::{Error, Told},
    format::{self},
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
    /// The same view as JSON.
    json: Option<String>,
}

impl Frame {
    /// A frame for a page at `here`. Ask for it before asking the databases.
    fn new(app: &App, here: &'static str, title: &str) -> Self {
        let (change, now) = (app.change_number(), app.now());
        let is_watched = app.is_watched();
        Self { title: title.to_owned(), here, change, now, is_watched, json: None }
    }

    /// With a link to the same view as JSON, at `path` under `/api/v1`.
    fn with_json(self, path: &str) -> Self {
        Self { json: Some(format!("/api/v1{path}")), ..self }
    }

    /// A frame for a page that tells a failure; it has no time of its own.
    pub(crate) fn of_failure(title: &str, change: u64) -> Self {
        let title = title.to_owned();
        // A failure says itself what is wrong.
        Self { title, here: "", change, now: Timestamp::UNIX_EPOCH, is_watched: true, json: None }
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

/// How busy a feature is, in words and for the eye.
struct Busy {
    /// Class of the badge.
    tone: &'static str,
    words: String,
    /// Percent of the seats in use; `None` where there is nothing to compare.
    percent: Option<u64>,
}

impl Busy {
    fn of(feature: &Feature) -> Self {
        let percent = feature.in_use.zip(feature.issued).filter(|_| !feature.uncounted);
        let percent = percent.map(|(part, whole)| format::percent(part.into(), whole.into()));
        let (tone, words) = words_of(feature);
        Self { tone, words, percent }
    }

    /// Class of the meter's bar.
    fn bar(&self) -> &'static str {
        match self.percent {
            Some(100..) => "full",
            Some(80..) => "high",
            _ => "calm",
        }
    }
}

fn words_of(feature: &Feature) -> (&'static str, String) {
    match (feature.in_use, feature.issued, feature.queued) {
        (None, _, _) => ("muted", "not visible".to_owned()),
        (_, _, Some(queued)) if queued > 0 => ("bad", format!("queue of {queued}")),
        (Some(_), _, _) if feature.uncounted => ("calm", "no limit".to_owned()),
        (Some(in_use), Some(issued), _) if in_use > issued => {
            ("bad", format!("{} over", in_use - issued))
        }
        (Some(in_use), Some(issued), _) if in_use == issued => ("warn", "full".to_owned()),
        (Some(in_use), Some(issued), _) => ("good", format!("{} free", issued - in_use)),
        (Some(0), None, _) => ("calm", "idle".to_owned()),
        (Some(_), None, _) => ("calm", "in use".to_owned()),
    }
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
    use lic_protocol::view::Source;

    use super::*;

    #[track_caller]
    fn check(in_use: Option<u32>, issued: Option<u32>, queued: Option<u32>, expected: &str) {
        let busy = Busy::of(&feature(in_use, issued, queued));
        assert_eq!(format!("{} {:?} {}", busy.words, busy.percent, busy.bar()), expected);
    }

    fn feature(in_use: Option<u32>, issued: Option<u32>, queued: Option<u32>) -> Feature {
        Feature {
            server: "catia".into(),
            system: "dsls".to_owned(),
            feature: "CAC".into(),
            version: None,
            vendor: None,
            issued,
            in_use,
            reserved: None,
            queued,
            sessions: in_use,
            unwrapped: None,
            expires: None,
            uncounted: false,
            as_of: None,
            source: Source::Log,
            mode: None,
        }
    }

    #[test]
    fn an_estimate_says_what_it_is_made_of() {
        assert_eq!(estimate_words(4), "no estimate yet: 4 of 5 runs have ended");
        assert_eq!(estimate_words(5), "estimated from the last 5 runs");
    }

    #[test]
    fn state_of_a_feature_in_words() {
        check(None, Some(3), None, "not visible None calm");
        check(Some(0), None, None, "idle None calm");
        check(Some(2), None, None, "in use None calm");
        check(Some(2), Some(10), None, "8 free Some(20) calm");
        check(Some(9), Some(10), Some(0), "1 free Some(90) high");
        check(Some(3), Some(3), Some(0), "full Some(100) full");
        check(Some(5), Some(3), Some(0), "2 over Some(100) full");
        check(Some(3), Some(3), Some(4), "queue of 4 Some(100) full");
    }
}
