//! overview.html over `api::overview`, with a day of the busiest features, what ends soon, and the latest denials.

use std::cmp::Reverse;

use askama::Template;
use axum::{extract::State, response::Html};
use lic_protocol::{
    query::{Filter, Which},
    view::{Denials, Feature, Overview, Server, ServerState, expiry::Expiry, series::Point},
};

use crate::{
    api,
    busy::Busy,
    chart::spark::spark,
    error::Error,
    filters,
    format::{self, Zones},
    link,
    pages::{
        Frame, Notice,
        expiry::{self, SOON_DAYS},
        print, tracing_notice,
    },
    state::App,
};

/// Denials shown on the first page.
const DENIALS_SHOWN: u32 = 6;
/// Features shown on it: the busiest.
const FEATURES_SHOWN: usize = 12;
/// Exhausted features, ends, and license servers shown on it.
const ROWS_SHOWN: usize = 8;

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewHtml {
    frame: Frame,
    view: Overview,
    /// A day of each feature of `view`, in its order.
    days: Vec<Vec<Point>>,
    expiry: Expiry,
    denials: Denials,
    zones: Zones,
}

/// `GET /`.
pub(crate) async fn page(State(app): State<App>) -> Result<Html<String>, Error> {
    let frame = Frame::new(&app, "overview", "Overview").with_json("/overview");
    let (now, latest) = (frame.now, Filter { limit: DENIALS_SHOWN, ..Filter::default() });
    let answer = app.ask(move |reader| {
        let view = api::overview::view(reader, now)?;
        let days = api::recent::view(reader, &view, now)?;
        Ok((view, days, api::denials::view(reader, &latest)?))
    });
    let (view, days, denials) = answer.await?;
    let zones = Zones::of(&view.servers);
    let expiry = api::expiry::of(&view.features, now);
    print(&OverviewHtml { frame, view, days, expiry, denials, zones })
}

impl OverviewHtml {
    fn notices(&self) -> Vec<Notice> {
        self.view.servers.iter().filter_map(tracing_notice).collect()
    }

    /// The busiest features, each with its day: who is waited for first, then the fullest.
    fn busiest(&self) -> Vec<(&Feature, Option<String>)> {
        let mut rows: Vec<(&Feature, &Vec<Point>)> =
            self.view.features.iter().zip(&self.days).collect();
        rows.sort_by_key(|(row, _)| {
            let percent = Busy::of(row).percent;
            Reverse((row.queued.unwrap_or(0), percent.unwrap_or(0), row.in_use.unwrap_or(0)))
        });
        rows.truncate(FEATURES_SHOWN);
        let issued = |row: &Feature| row.issued.filter(|_| !row.uncounted);
        rows.into_iter().map(|(row, points)| (row, spark(points, issued(row)))).collect()
    }

    /// Features with every seat in use.
    fn exhausted(&self) -> Vec<&Feature> {
        self.view.features.iter().filter(|row| is_full(row)).take(ROWS_SHOWN).collect()
    }

    /// Licenses that end soon, or have ended.
    fn ending(&self) -> impl Iterator<Item = &lic_protocol::view::expiry::Expiring> {
        let rows = self.expiry.expiring.iter();
        rows.filter(|row| row.days_left <= SOON_DAYS).take(ROWS_SHOWN)
    }

    /// License servers, those in trouble first.
    fn sources(&self) -> Vec<&Server> {
        let mut servers: Vec<&Server> = self.view.servers.iter().collect();
        servers.sort_by_key(|server| !is_in_trouble(server));
        servers.truncate(ROWS_SHOWN);
        servers
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
        self.view.servers.iter().filter(|server| is_in_trouble(server)).count()
    }
}

fn is_full(row: &Feature) -> bool {
    !row.uncounted && row.in_use.zip(row.issued).is_some_and(|(in_use, issued)| in_use >= issued)
}

fn is_in_trouble(server: &Server) -> bool {
    matches!(server.state, ServerState::Down | ServerState::Degraded) || server.error.is_some()
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
