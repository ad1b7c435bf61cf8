//! Who holds the wrapped tools, who waits for seats, and when each of those may start.

use axum::{
    extract::{Query, State},
    response::Response,
};
use jiff::Timestamp;
use lic_analytics::{
    queue::{self, Present},
    wait::Runs,
};
use lic_protocol::{
    query::{Filter, Which},
    view::Waiters,
};
use lic_store::{error::StoreError, read::Reader};

use crate::{
    api::Pairs,
    error::Error,
    export::{self, Form},
    query::{Asked, OF_THE_QUEUE},
    state::App,
};

/// The holding and waiting that `filter` names at `now`, by server, feature and place.
pub(crate) fn view(
    reader: &Reader,
    filter: &Filter,
    now: Timestamp,
) -> Result<Waiters, StoreError> {
    let present = Present {
        features: reader.features()?,
        holders: reader.holders(filter)?,
        waiting: reader.waiters()?,
    };
    queue::queue(present, filter, now, |feature| {
        let past = Runs::filter(&feature.server, &feature.feature, now);
        reader.sessions(Which::Ended, &past).map(|ended| Runs::of(&ended.sessions))
    })
}

/// `GET /api/v1/queue`.
pub(crate) async fn json(
    State(app): State<App>,
    Query(pairs): Query<Pairs>,
) -> Result<Response, Error> {
    let (form, pairs) = Form::take(pairs)?;
    let (asked, now) = (Asked::understand(&pairs, OF_THE_QUEUE)?, app.now());
    let queue = app.ask(move |reader| view(reader, &asked.filter, now)).await?;
    export::answer(form, "queue", &queue, &queue.queue)
}
