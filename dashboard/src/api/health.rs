//! Whether the databases can be read.

use axum::{Json, extract::State};
use lic_store::read::Reader;
use serde::Serialize;

use crate::{error::Error, state::App};

/// `/health`: there only while the databases can be read; otherwise a problem with status 503 is.
#[derive(Serialize)]
pub(crate) struct Health {
    status: &'static str,
    version: &'static str,
    change: u64,
    /// Histories that were damaged and set aside: what is in them is shown nowhere.
    histories_aside: Vec<String>,
}

/// `GET /api/v1/health`.
pub(crate) async fn json(State(app): State<App>) -> Result<Json<Health>, Error> {
    let change = app.change_number();
    app.ask(Reader::change_number).await?;
    let histories_aside = app.histories_aside();
    Ok(Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION"), change, histories_aside }))
}
