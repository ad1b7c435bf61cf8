//! Refused checkouts, summed up.

use axum::{
    Json,
    extract::{Query, State},
};
use lic_protocol::{query::Filter, view::denied::Denied};
use lic_store::{error::StoreError, read::Reader};

use crate::{
    api::Pairs,
    error::Error,
    query::{Asked, OF_SUMS},
    state::App,
};

/// What of the denials that `filter` names was refused most, to whom, and when.
pub(crate) fn view(reader: &Reader, filter: &Filter) -> Result<Denied, StoreError> {
    reader.denied(filter)
}

/// `GET /api/v1/denials/sums`.
pub(crate) async fn json(
    State(app): State<App>,
    Query(pairs): Query<Pairs>,
) -> Result<Json<Denied>, Error> {
    let asked = Asked::understand(&pairs, OF_SUMS)?;
    Ok(Json(app.ask(move |reader| view(reader, &asked.filter)).await?))
}
