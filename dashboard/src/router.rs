//! Every route in one table.

use axum::{Router, middleware, routing::get};

use crate::{api, assets, cache, guard::guard, metrics, pages, state::App};

/// All pages, the API, the metrics and the assets, behind the guard.
pub fn router(app: App) -> Router {
    let api = Router::new()
        .route("/overview", get(api::overview::json))
        .route("/features", get(api::features::json))
        .route("/features/{server}/{feature}", get(api::feature::json))
        .route("/features/{server}/{feature}/series", get(api::series::json))
        .route("/heatmap", get(api::heatmap::json))
        .route("/sessions", get(api::sessions::json))
        .route("/users", get(api::users::json))
        .route("/users/{user}", get(api::user::json))
        .route("/hosts", get(api::hosts::json))
        .route("/denials", get(api::denials::json))
        .route("/denials/sums", get(api::denied::json))
        .route("/queue", get(api::queue::json))
        .route("/servers", get(api::servers::json))
        .route("/servers/{server}", get(api::server::json))
        .route("/expiry", get(api::expiry::json))
        .route("/expiry.ics", get(api::expiry::ics))
        .route("/events", get(api::events::json))
        .route("/search", get(api::search::json))
        .route("/openapi.json", get(api::openapi::json))
        .route("/health", get(api::health::json))
        .route("/stream", get(api::stream::events));
    Router::new()
        .route("/", get(pages::overview::page))
        .route("/features", get(pages::features::page))
        .route("/features/{server}/{feature}", get(pages::feature::page))
        .route("/sessions", get(pages::sessions::page))
        .route("/users", get(pages::users::page))
        .route("/users/{user}", get(pages::user::page))
        .route("/hosts", get(pages::hosts::page))
        .route("/denials", get(pages::denials::page))
        .route("/queue", get(pages::queue::page))
        .route("/servers", get(pages::servers::page))
        .route("/servers/{server}", get(pages::server::page))
        .route("/expiry", get(pages::expiry::page))
        .route("/events", get(pages::events::page))
        .route("/search", get(pages::search::page))
        .route("/assets/{name}", get(assets::asset))
        .route("/favicon.ico", get(assets::icon))
        .route("/metrics", get(metrics::text))
        .nest("/api/v1", api)
        .layer(middleware::from_fn_with_state(app.clone(), cache::kept))
        .layer(middleware::from_fn_with_state(app.clone(), guard))
        .with_state(app)
}
