//! License servers, and how much of what they wrote was understood.

use axum::{Json, extract::State};
use lic_protocol::view::Servers;
use lic_store::{error::StoreError, read::Reader};

use crate::{error::Error, state::App};

/// License servers by name.
pub(crate) fn view(reader: &Reader) -> Result<Servers, StoreError> {
    Ok(Servers { servers: reader.servers()? })
}

/// `GET /api/v1/servers`.
pub(crate) async fn json(State(app): State<App>) -> Result<Json<Servers>, Error> {
    Ok(Json(app.ask(view).await?))
}
