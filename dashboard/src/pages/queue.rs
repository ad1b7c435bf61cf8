//! queue.html over `api::queue`.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Html,
};
use jiff::Timestamp;
use lic_protocol::{
    query::Which,
    view::{QueuedFeature, Source, Waiters},
};

use crate::{
    api::{self, Pairs},
    busy::Busy,
    error::Error,
    filters,
    format::{self, Zones},
    link,
    pages::{Frame, mode_words, print},
    query::{Asked, OF_THE_QUEUE},
    state::App,
};

/// Holders, and waiters, of one feature on a page that shows them all, unless the address says otherwise.
const ROWS_SHOWN: u32 = 25;

#[derive(Template)]
#[template(path = "queue.html")]
struct QueueHtml {
    frame: Frame,
    view: Waiters,
    asked: Asked,
    zones: Zones,
}

/// `GET /queue`.
pub(crate) async fn page(
    State(app): State<App>,
    Query(pairs): Query<Pairs>,
) -> Result<Html<String>, Error> {
    let asked = Asked::understand(&pairs, OF_THE_QUEUE)?;
    let json = link::list("/queue", &asked, None);
    let frame = Frame::new(&app, "queue", "Queue").with_export(&json);
    let (mut filter, now) = (asked.filter.clone(), frame.now);
    if filter.limit == 0 {
        filter.limit = ROWS_SHOWN;
    }
    let answer = app.ask(move |reader| {
        Ok((api::queue::view(reader, &filter, now)?, api::servers::view(reader)?))
    });
    let (view, servers) = answer.await?;
    print(&QueueHtml { frame, view, asked, zones: Zones::of(&servers.servers) })
}

impl QueueHtml {
    /// Features that somebody waits for, then those that somebody holds.
    fn busy(&self) -> impl Iterator<Item = &QueuedFeature> {
        let features = self.view.features.iter();
        let waited_for = features.clone().filter(|row| !row.waiting.is_empty());
        waited_for.chain(features.filter(|row| row.waiting.is_empty() && !is_idle(row)))
    }

    /// Features that nobody holds or waits for.
    fn idle(&self) -> Vec<&QueuedFeature> {
        self.view.features.iter().filter(|row| is_idle(row)).collect()
    }

    /// Since when somebody waits who has waited longest.
    fn longest(&self) -> Option<Timestamp> {
        self.view.queue.iter().map(|waiter| waiter.since).min()
    }

    /// Features with every seat in use.
    fn full(&self) -> usize {
        self.view.features.iter().filter(|row| row.free == Some(0)).count()
    }
}

fn is_idle(row: &QueuedFeature) -> bool {
    row.holders.is_empty() && row.waiting.is_empty()
}
