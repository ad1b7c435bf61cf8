//! Whether the databases can be read.

use axum::{Json, extract::State};
use lic_store::{read::Reader, trouble::Trouble};
use serde::Serialize;

use crate::{error::Error, state::App};

/// `/health`: there only while the databases can be read; otherwise a problem with status 503 is. Its status is `ok`, or why licmon
/// cannot record anything now: `disk full`, `read-only`.
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
    let ask = |reader: &Reader| reader.change_number().map(|_| reader.trouble());
    let trouble = app.ask(ask).await?;
    let status = trouble.map_or("ok", Trouble::word);
    let histories_aside = app.histories_aside();
    Ok(Json(Health { status, version: env!("CARGO_PKG_VERSION"), change, histories_aside }))
}
