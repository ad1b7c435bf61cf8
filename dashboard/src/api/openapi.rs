//! The description of this API for programs. A test holds it to what is answered.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};

/// The document. Source: the specification `OpenAPI`, version 3.1.1.
const DOCUMENT: &str = include_str!("../../assets/openapi.json");

/// `GET /api/v1/openapi.json`.
pub(crate) async fn json() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}
