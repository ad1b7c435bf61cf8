//! Refused checkouts.

use axum::{
    extract::{Query, State},
    response::Response,
};
use lic_protocol::{query::Filter, view::Denials};
use lic_store::{error::StoreError, read::Reader};

use crate::{
    api::Pairs,
    error::Error,
    export::{self, Form},
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
) -> Result<Response, Error> {
    let (form, pairs) = Form::take(pairs)?;
    let asked = Asked::understand(&pairs, OF_A_LIST)?;
    let denials = app.ask(move |reader| view(reader, &asked.filter)).await?;
    export::answer(form, "denials", &denials, &denials.denials)
}
