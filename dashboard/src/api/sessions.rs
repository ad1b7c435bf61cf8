//! Who holds or held what.

use axum::{
    extract::{Query, State},
    response::Response,
};
use lic_protocol::{
    query::{Filter, Which},
    view::Sessions,
};
use lic_store::{error::StoreError, read::Reader};

use crate::{
    api::Pairs,
    error::Error,
    export::{self, Form},
    query::{Asked, OF_SESSIONS},
    state::App,
};

/// Sessions, newest first.
pub(crate) fn view(reader: &Reader, which: Which, filter: &Filter) -> Result<Sessions, StoreError> {
    reader.sessions(which, filter)
}

/// `GET /api/v1/sessions`: both the active and the ended, unless `state` says otherwise.
pub(crate) async fn json(
    State(app): State<App>,
    Query(pairs): Query<Pairs>,
) -> Result<Response, Error> {
    let (form, pairs) = Form::take(pairs)?;
    let asked = Asked::understand(&pairs, OF_SESSIONS)?;
    let which = asked.which.unwrap_or_default();
    let sessions = app.ask(move |reader| view(reader, which, &asked.filter)).await?;
    export::answer(form, "sessions", &sessions, &sessions.sessions)
}
