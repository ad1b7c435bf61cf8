//! servers.html over `api::servers`.

use askama::Template;
use axum::{extract::State, response::Html};
use lic_protocol::{
    tried::{NOT_TRIED, is_tried},
    view::{Coverage, Server, ServerState, Servers},
};

use crate::{
    api,
    error::Error,
    filters,
    format::{self, Zones},
    link,
    pages::{Frame, print, tracing_notice},
    state::App,
};

#[derive(Template)]
#[template(path = "servers.html")]
struct ServersHtml {
    frame: Frame,
    view: Servers,
    zones: Zones,
}

/// `GET /servers`.
pub(crate) async fn page(State(app): State<App>) -> Result<Html<String>, Error> {
    let frame = Frame::new(&app, "servers", "Servers").with_export("/servers");
    let view = app.ask(api::servers::view).await?;
    let zones = Zones::of(&view.servers);
    print(&ServersHtml { frame, view, zones })
}

/// A state in words.
pub(super) fn state_words(server: &Server) -> &'static str {
    match server.state {
        ServerState::Unknown => "state unknown",
        state => state.word(),
    }
}

/// What to know of a license server whose answers are read, and never were from a real one.
pub(super) fn not_tried(server: &Server) -> Option<&'static str> {
    (server.response_ms.is_some() && !is_tried(&server.system)).then_some(NOT_TRIED)
}

/// Class of the badge of a state.
pub(super) fn tone(server: &Server) -> &'static str {
    match server.state {
        ServerState::Up => "good",
        ServerState::Degraded => "warn",
        ServerState::Down => "bad",
        ServerState::Unknown => "muted",
    }
}

/// A bar of the lines that were read: class, start and length of each part, in percent.
pub(super) fn parts(coverage: &Coverage) -> [(&'static str, u64, u64); 3] {
    let percent = |lines: u64| match lines {
        0 => 0,
        // A single unknown line in a million is still to be seen.
        lines => format::percent(lines, coverage.lines).max(1),
    };
    let (events, unknown) = (percent(coverage.events), percent(coverage.unknown));
    let noise = 100_u64.saturating_sub(events + unknown);
    [("events", 0, events), ("noise", events, noise), ("unknown", events + noise, unknown)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lines: u64, events: u64, unknown: u64, expected: [u64; 3]) {
        let noise = lines - events - unknown;
        let coverage = Coverage { lines, events, noise, unknown, examples: Vec::new() };
        assert_eq!(parts(&coverage).map(|(_, _, length)| length), expected);
    }

    #[test]
    fn one_unknown_line_can_be_seen() {
        check(1_000_000, 500_000, 1, [50, 49, 1]);
        check(10, 10, 0, [100, 0, 0]);
        check(124, 45, 0, [36, 64, 0]);
    }
}
