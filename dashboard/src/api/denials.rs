//! Refused checkouts.

use axum::{
    Json,
    extract::{Query, State},
};
use lic_protocol::{query::Filter, view::Denials};
use lic_store::{error::StoreError, read::Reader};

use crate::{
    api::Pairs,
    error::Error,
    query::{Asked, OF_A_LIST},
    state::App,
};

/// Denials, newest first.
pub(crate) fn view(reader: &Reader, filter: &Filter) -> Result<Denials, StoreError> {
    reader.denials(filter)
}

/// `GET /api/v1/denials`.
pub(crate) async fn json(
    State(app): State<App>,
    Query(pairs): Query<Pairs>,
) -> Result<Json<Denials>, Error> {
    let asked = Asked::understand(&pairs, OF_A_LIST)?;
    Ok(Json(app.ask(move |reader| view(reader, &asked.filter)).await?))
}
