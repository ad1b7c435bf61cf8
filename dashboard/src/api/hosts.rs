//! Hosts, in figures.

use axum::{
    extract::{Query, State},
    response::Response,
};
use jiff::Timestamp;
use lic_protocol::{query::Filter, view::people::Hosts};
use lic_store::{error::StoreError, read::Reader};

use crate::{
    api::Pairs,
    error::Error,
    export::{self, Form},
    query::{Asked, OF_PEOPLE},
    state::App,
};

/// Where what `filter` names was used, the longest first; sessions held yet count up to `now`.
pub(crate) fn view(reader: &Reader, filter: &Filter, now: Timestamp) -> Result<Hosts, StoreError> {
    reader.hosts(filter, now)
}

/// `GET /api/v1/hosts`.
pub(crate) async fn json(
    State(app): State<App>,
    Query(pairs): Query<Pairs>,
) -> Result<Response, Error> {
    let (form, pairs) = Form::take(pairs)?;
    let (asked, now) = (Asked::understand(&pairs, OF_PEOPLE)?, app.now());
    let hosts = app.ask(move |reader| view(reader, &asked.filter, now)).await?;
    export::answer(form, "hosts", &hosts, &hosts.hosts)
}
