//! What a series is made of: the sessions of one feature, the zone of its license server, and the times it was observed.

use std::ops::Range;

use jiff::{Timestamp, tz::TimeZone};
use lic_protocol::{
    name::FeatureName,
    span::Span,
    view::{Feature, Server, ServerState},
};
use lic_store::{error::StoreError, read::Reader};

/// The zone that a license server writes its times in; UTC where it is not known here.
pub(crate) fn zone(server: &Server) -> (TimeZone, String) {
    let known = server.zone.as_deref().and_then(|name| {
        let zone = TimeZone::get(name).ok()?;
        Some((zone, name.to_owned()))
    });
    known.unwrap_or((TimeZone::UTC, "UTC".to_owned()))
}

/// The times that anything can be said of a license server, in order and apart: from the first thing learned of it up to now
/// while it is followed, else up to the last.
pub(crate) fn observed(
    reader: &Reader,
    server: &Server,
    now: Timestamp,
) -> Result<Vec<Range<Timestamp>>, StoreError> {
    if server.usage_visible != Some(true) {
        return Ok(Vec::new());
    }
    let is_followed = server.state != ServerState::Unknown;
    let last = if is_followed { Some(now) } else { server.last_answer };
    let seen = reader.first_heard(&server.name)?.zip(last);
    Ok(seen.map(|(first, last)| first..last).into_iter().collect())
}

/// The seats there are to compare with.
pub(crate) fn issued(feature: &Feature) -> Option<u32> {
    feature.issued.filter(|_| !feature.uncounted)
}

/// The sessions of a feature that were held at `from` or later.
pub(crate) fn spans(
    reader: &Reader,
    server: &Server,
    feature: &FeatureName,
    from: Timestamp,
) -> Result<Vec<Span>, StoreError> {
    let spans = reader.spans_since(from, Some((&server.name, feature)))?;
    Ok(spans.into_iter().map(|of| of.span).collect())
}
