//! The last day of every feature, hour by hour: what a sparkline is drawn of.

use std::{collections::HashMap, ops::Range};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use lic_analytics::series::{Reach, series};
use lic_protocol::{
    name::{FeatureName, ServerName},
    span::Span,
    view::{Overview, series::Point},
};
use lic_store::{error::StoreError, read::Reader};

use crate::api::observed;

/// Quarters of an hour, of which a day's series is made, in one point.
const QUARTERS: usize = 4;

/// The points of each feature of `overview`, in its order, up to `now`: one read of the sessions of that day.
pub(crate) fn view(
    reader: &Reader,
    overview: &Overview,
    now: Timestamp,
) -> Result<Vec<Vec<Point>>, StoreError> {
    let edges: Vec<Timestamp> =
        Reach::Day.edges(now, &TimeZone::UTC).into_iter().step_by(QUARTERS).collect();
    let from = edges.first().copied().unwrap_or(now) - SignedDuration::from_secs(1);
    let mut seen: HashMap<&ServerName, Vec<Range<Timestamp>>> = HashMap::new();
    for server in &overview.servers {
        seen.insert(&server.name, observed::observed(reader, server, now)?);
    }
    let mut spans: HashMap<(ServerName, FeatureName), Vec<Span>> = HashMap::new();
    for of in reader.spans_since(from, None)? {
        spans.entry((of.server, of.feature)).or_default().push(of.span);
    }
    let points = overview.features.iter().map(|row| {
        let spans = spans.get(&(row.server.clone(), row.feature.clone()));
        let seen = seen.get(&row.server).map_or(&[][..], Vec::as_slice);
        series(spans.map_or(&[][..], Vec::as_slice), &edges, seen)
    });
    Ok(points.collect())
}
