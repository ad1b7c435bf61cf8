//! Everything at one glance.

use axum::{Json, extract::State};
use jiff::Timestamp;
use lic_protocol::view::Overview;
use lic_store::{error::StoreError, read::Reader};

use crate::{error::Error, state::App};

/// Every feature and every license server, at `now`.
pub(crate) fn view(reader: &Reader, now: Timestamp) -> Result<Overview, StoreError> {
    reader.overview(now)
}

/// `GET /api/v1/overview`.
pub(crate) async fn json(State(app): State<App>) -> Result<Json<Overview>, Error> {
    let now = app.now();
    Ok(Json(app.ask(move |reader| view(reader, now)).await?))
}
