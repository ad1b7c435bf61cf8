//! Everything that happened.

use axum::{
    extract::{Query, State},
    response::Response,
};
use lic_protocol::{query::Filter, view::events::Events};
use lic_store::{error::StoreError, read::Reader};

use crate::{
    api::Pairs,
    error::Error,
    export::{self, Form},
    query::{Asked, OF_A_LIST},
    state::App,
};

/// What happened, newest first.
pub(crate) fn view(reader: &Reader, filter: &Filter) -> Result<Events, StoreError> {
    reader.events(filter)
}

/// `GET /api/v1/events`.
pub(crate) async fn json(
    State(app): State<App>,
    Query(pairs): Query<Pairs>,
) -> Result<Response, Error> {
    let (form, pairs) = Form::take(pairs)?;
    let asked = Asked::understand(&pairs, OF_A_LIST)?;
    let events = app.ask(move |reader| view(reader, &asked.filter)).await?;
    export::answer(form, "events", &events, &events.events)
}
