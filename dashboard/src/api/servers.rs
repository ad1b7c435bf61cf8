//! License servers, and how much of what they wrote was understood.

use axum::{
    extract::{Query, State},
    response::Response,
};
use jiff::Timestamp;
use lic_protocol::{
    name::ServerName,
    time::ms_option,
    view::{Server, ServerState, Servers},
};
use lic_store::{error::StoreError, read::Reader};
use serde::Serialize;

use crate::{
    api::Pairs,
    error::Error,
    export::{self, Form},
    query::{Asked, OF_NOTHING},
    state::App,
};

/// License servers by name.
pub(crate) fn view(reader: &Reader) -> Result<Servers, StoreError> {
    Ok(Servers { servers: reader.servers()?, sealed_until: reader.sealed_until()? })
}

/// A line of the table.
#[derive(Serialize)]
struct Row<'a> {
    name: &'a ServerName,
    system: &'a str,
    zone: Option<&'a str>,
    state: ServerState,
    #[serde(with = "ms_option")]
    since: Option<Timestamp>,
    #[serde(with = "ms_option")]
    last_answer: Option<Timestamp>,
    response_ms: Option<f64>,
    error: Option<&'a str>,
    usage_visible: Option<bool>,
    denials_visible: Option<bool>,
    lines: u64,
    events: u64,
    noise: u64,
    unknown: u64,
}

impl<'a> Row<'a> {
    fn of(server: &'a Server) -> Self {
        Self {
            name: &server.name,
            system: &server.system,
            zone: server.zone.as_deref(),
            state: server.state,
            since: server.since,
            last_answer: server.last_answer,
            response_ms: server.response_ms,
            error: server.error.as_deref(),
            usage_visible: server.usage_visible,
            denials_visible: server.denials_visible,
            lines: server.coverage.lines,
            events: server.coverage.events,
            noise: server.coverage.noise,
            unknown: server.coverage.unknown,
        }
    }
}

/// `GET /api/v1/servers`.
pub(crate) async fn json(
    State(app): State<App>,
    Query(pairs): Query<Pairs>,
) -> Result<Response, Error> {
    let (form, pairs) = Form::take(pairs)?;
    Asked::understand(&pairs, OF_NOTHING)?;
    let servers = app.ask(view).await?;
    let rows: Vec<Row<'_>> = servers.servers.iter().map(Row::of).collect();
    export::answer(form, "servers", &servers, &rows)
}
