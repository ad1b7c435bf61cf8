//! overview.html over `api::overview`, with the latest denials.

use askama::Template;
use axum::{extract::State, response::Html};
use lic_protocol::{
    query::Filter,
    view::{Denials, Overview, ServerState},
};

use crate::{
    api,
    error::Error,
    filters,
    format::Zones,
    link,
    pages::{Busy, Frame, Notice, print, tracing_notice},
    state::App,
};

/// Denials shown on the first page.
const DENIALS_SHOWN: u32 = 5;

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewHtml {
    frame: Frame,
    view: Overview,
    denials: Denials,
    zones: Zones,
}

/// `GET /`.
pub(crate) async fn page(State(app): State<App>) -> Result<Html<String>, Error> {
    let frame = Frame::new(&app, "overview", "Overview").with_json("/overview");
    let (now, latest) = (frame.now, Filter { limit: DENIALS_SHOWN, ..Filter::default() });
    let answer = app.ask(move |reader| {
        Ok((api::overview::view(reader, now)?, api::denials::view(reader, &latest)?))
    });
    let (view, denials) = answer.await?;
    let zones = Zones::of(&view.servers);
    print(&OverviewHtml { frame, view, denials, zones })
}

impl OverviewHtml {
    fn notices(&self) -> Vec<Notice> {
        self.view.servers.iter().filter_map(tracing_notice).collect()
    }

    /// Sessions open now; `None` where none can be seen.
    fn sessions(&self) -> Option<u64> {
        total(self.view.features.iter().map(|feature| feature.sessions))
    }

    /// Requests that wait; `None` where none can be seen.
    fn queued(&self) -> Option<u64> {
        total(self.view.features.iter().map(|feature| feature.queued))
    }

    /// Features with every seat in use; `None` where no seats can be compared.
    fn full(&self) -> Option<u64> {
        let comparable = self.view.features.iter().filter(|feature| !feature.uncounted);
        total(comparable.map(|row| Some(u32::from(row.in_use? >= row.issued?))))
    }

    /// Features with a session.
    fn busy(&self) -> Option<u64> {
        total(self.view.features.iter().map(|row| Some(u32::from(row.in_use? > 0))))
    }

    /// License servers that are down, degraded or cannot be read.
    fn troubled(&self) -> usize {
        let in_trouble = |state| matches!(state, ServerState::Down | ServerState::Degraded);
        let servers = self.view.servers.iter();
        servers.filter(|server| in_trouble(server.state) || server.error.is_some()).count()
    }
}

/// The sum of what is known; `None` when nothing is.
fn total(numbers: impl Iterator<Item = Option<u32>>) -> Option<u64> {
    numbers.flatten().map(u64::from).fold(None, |sum, number| Some(sum.unwrap_or(0) + number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(numbers: &[Option<u32>], expected: Option<u64>) {
        assert_eq!(total(numbers.iter().copied()), expected);
    }

    #[test]
    fn unknown_is_not_zero() {
        check(&[], None);
        check(&[None, None], None);
        check(&[None, Some(0)], Some(0));
        check(&[Some(2), None, Some(3)], Some(5));
    }
}
