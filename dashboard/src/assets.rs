//! Style, script and icon inside the binary, under names that change with their content.

use axum::{
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

/// A browser keeps an asset for ever: other content has another name.
const CACHE_FOR_EVER: &str = "public, max-age=31536000, immutable";
/// The icon is also asked for under a fixed name.
const CACHE_A_DAY: &str = "public, max-age=86400";

/// A file inside the binary.
#[derive(Clone, Copy)]
pub(crate) struct Asset {
    name: &'static str,
    extension: &'static str,
    mime: &'static str,
    content: &'static str,
    hash: u64,
}

/// The stylesheet.
pub(crate) const STYLE: Asset =
    Asset::new("style", "css", "text/css; charset=utf-8", include_str!("../assets/style.css"));
/// The stylesheet of charts.
pub(crate) const CHARTS: Asset =
    Asset::new("charts", "css", "text/css; charset=utf-8", include_str!("../assets/charts.css"));
/// The script that keeps a page fresh.
pub(crate) const REFRESH: Asset = Asset::new(
    "refresh",
    "js",
    "text/javascript; charset=utf-8",
    include_str!("../assets/refresh.js"),
);
/// The script that sorts tables and reads charts.
pub(crate) const TABLES: Asset = Asset::new(
    "tables",
    "js",
    "text/javascript; charset=utf-8",
    include_str!("../assets/tables.js"),
);
/// The icon.
pub(crate) const ICON: Asset =
    Asset::new("icon", "svg", "image/svg+xml", include_str!("../assets/icon.svg"));

impl Asset {
    const fn new(
        name: &'static str,
        extension: &'static str,
        mime: &'static str,
        content: &'static str,
    ) -> Self {
        Self { name, extension, mime, content, hash: fnv1a(content.as_bytes()) }
    }

    /// The path a page names it by.
    pub(crate) fn href(&self) -> String {
        format!("/assets/{}", self.file())
    }

    fn file(&self) -> String {
        format!("{}-{:016x}.{}", self.name, self.hash, self.extension)
    }

    fn served(self, cache: &'static str) -> Response {
        let headers = [(header::CONTENT_TYPE, self.mime), (header::CACHE_CONTROL, cache)];
        (headers, self.content).into_response()
    }
}

/// `/assets/{name}`.
pub(crate) async fn asset(Path(name): Path<String>) -> Response {
    let asset =
        [STYLE, CHARTS, REFRESH, TABLES, ICON].into_iter().find(|asset| asset.file() == name);
    asset.map_or(StatusCode::NOT_FOUND.into_response(), |asset| asset.served(CACHE_FOR_EVER))
}

/// `/favicon.ico`, for what does not read the page's link.
pub(crate) async fn icon() -> Response {
    ICON.served(CACHE_A_DAY)
}

/// Tells contents apart; nothing depends on it being hard to forge. Source: Fowler, Noll and Vo, FNV-1a, 64 bits.
pub(crate) const fn fnv1a(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    hash
}
