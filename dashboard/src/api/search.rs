//! Names that hold a text.

use axum::{
    Json,
    extract::{Query, State},
};
use lic_protocol::view::search::Found;
use lic_store::{error::StoreError, read::Reader};

use crate::{
    api::Pairs,
    error::Error,
    query::{Asked, OF_A_SEARCH},
    state::App,
};

/// Names that hold `text`, whatever the case. An empty text is in none.
pub(crate) fn view(reader: &Reader, text: &str) -> Result<Found, StoreError> {
    if text.is_empty() { Ok(Found::default()) } else { reader.search(text) }
}

/// `GET /api/v1/search`.
pub(crate) async fn json(
    State(app): State<App>,
    Query(pairs): Query<Pairs>,
) -> Result<Json<Found>, Error> {
    let text = Asked::understand(&pairs, OF_A_SEARCH)?.text("q").trim().to_owned();
    Ok(Json(app.ask(move |reader| view(reader, &text)).await?))
}
