//! Who waits for seats now.

use axum::{
    Json,
    extract::{Query, State},
};
use lic_protocol::{
    name::{HostName, UserName},
    query::Filter,
    view::{Waiter, Waiters},
};
use lic_store::{error::StoreError, read::Reader};

use crate::{
    api::Pairs,
    error::Error,
    query::{Asked, OF_THE_QUEUE},
    state::App,
};

/// The waiting that `filter` names, by server, feature and place.
pub(crate) fn view(reader: &Reader, filter: &Filter) -> Result<Waiters, StoreError> {
    let mut queue = reader.waiters()?;
    queue.retain(|waiter| is_in(filter, waiter));
    Ok(Waiters { queue })
}

fn is_in(filter: &Filter, waiter: &Waiter) -> bool {
    let same = |asked: Option<&str>, name: &str| {
        asked.is_none_or(|asked| asked.to_lowercase() == name.to_lowercase())
    };
    filter.server.as_ref().is_none_or(|server| waiter.server == *server)
        && filter.feature.as_ref().is_none_or(|feature| waiter.feature == *feature)
        && same(filter.user.as_ref().map(UserName::as_str), waiter.user.as_str())
        && same(filter.host.as_ref().map(HostName::as_str), waiter.host.as_str())
        && filter.from.is_none_or(|from| waiter.since >= from)
        && filter.to.is_none_or(|to| waiter.since < to)
}

/// `GET /api/v1/queue`.
pub(crate) async fn json(
    State(app): State<App>,
    Query(pairs): Query<Pairs>,
) -> Result<Json<Waiters>, Error> {
    let asked = Asked::understand(&pairs, OF_THE_QUEUE)?;
    Ok(Json(app.ask(move |reader| view(reader, &asked.filter)).await?))
}
