//! What a series is made of: the hours or the sessions of one feature, the zone of its license server, and the times it was
//! observed.

use std::ops::Range;

use jiff::{Timestamp, tz::TimeZone};
use lic_protocol::{
    name::FeatureName,
    span::Span,
    view::{Feature, Server, ServerState, series::Recount},
};
use lic_store::{
    error::StoreError,
    read::{
        Reader,
        hours::{Hours, Of},
    },
};

/// The zone that a license server writes its times in; UTC where it is not known here.
pub(crate) fn zone(server: &Server) -> (TimeZone, String) {
    let known = server.zone.as_deref().and_then(|name| {
        let zone = TimeZone::get(name).ok()?;
        Some((zone, name.to_owned()))
    });
    known.unwrap_or((TimeZone::UTC, "UTC".to_owned()))
}

/// The times that anything can be said of a license server, in order and apart: from the first thing learned of it, without long
/// silences, up to now while it is followed, else up to the last.
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
    let mut seen = reader.observed_spans(&server.name)?;
    if let Some((seen, last)) = seen.last_mut().zip(last) {
        seen.end = seen.end.max(last);
    }
    Ok(seen)
}

/// The hours of a feature, `seen` as told above: as many rows as there are hours, however much happened in them.
pub(crate) fn hours(
    reader: &Reader,
    (server, feature): (&Server, &FeatureName),
    period: &Range<Timestamp>,
    seen: &[Range<Timestamp>],
) -> Result<Hours, StoreError> {
    let of = Of { server: Some(server.name.clone()), feature: Some(feature.clone()) };
    let until = seen.last().map_or(Timestamp::MIN, |seen| seen.end);
    reader.hours_until(&of, (period.start, period.end), until)
}

/// What of `period` is being counted again.
pub(crate) fn recount(hours: &Hours, period: &Range<Timestamp>) -> Option<Recount> {
    let (from, to) = hours.stale?;
    (from < period.end && period.start < to).then_some(Recount { from, to })
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
