//! How long a run of a tool lasts, by those before it.

use std::{collections::HashMap, time::Duration};

use jiff::{SignedDuration, Timestamp};
use lic_protocol::{
    name::{FeatureName, ServerName},
    query::{Filter, Which},
};
use lic_store::read::Reader;
use tracing::warn;

use super::clock;
use crate::server::config::Typical;

/// Runs of a feature that tell how long the next one lasts.
const TYPICAL_RUNS: u32 = 100;
/// For how long that is believed.
const TYPICAL_AGE: SignedDuration = SignedDuration::from_mins(1);

/// The median of the latest runs of a feature that ended; looked up once a minute.
pub(super) fn typical(reader: Reader) -> Typical {
    let mut known: HashMap<FeatureName, (Timestamp, Option<Duration>)> = HashMap::new();
    Box::new(move |feature| {
        let now = clock();
        if let Some((at, median)) = known.get(feature)
            && now.duration_since(*at) < TYPICAL_AGE
        {
            return *median;
        }
        let median = median_run(&reader, feature).unwrap_or_else(|error| {
            warn!("see how long runs of {feature} last: {error:#}");
            None
        });
        known.insert(feature.clone(), (now, median));
        median
    })
}

fn median_run(reader: &Reader, feature: &FeatureName) -> anyhow::Result<Option<Duration>> {
    let filter = Filter {
        server: Some(ServerName::local()),
        feature: Some(feature.clone()),
        limit: TYPICAL_RUNS,
        ..Filter::default()
    };
    let ended = reader.sessions(Which::Ended, &filter)?.sessions;
    let mut lasted: Vec<f64> = ended.iter().filter_map(|session| session.duration_s).collect();
    lasted.sort_unstable_by(f64::total_cmp);
    let median = lasted.get(lasted.len() / 2);
    Ok(median.and_then(|seconds| Duration::try_from_secs_f64(*seconds).ok()))
}
