//! How long the runs of a tool lasted, for who asks how long he will wait.

use std::collections::HashMap;

use anyhow::anyhow;
use jiff::{SignedDuration, Timestamp};
use lic_analytics::wait::Runs;
use lic_protocol::{
    name::{FeatureName, ServerName},
    query::Which,
};
use lic_store::read::Reader;
use tracing::warn;

use super::clock;
use crate::server::config::Past;

/// For how long it is believed how long runs of a feature last.
const PAST_AGE_MAX: SignedDuration = SignedDuration::from_mins(1);

/// How long the latest runs of a feature lasted; looked up once a minute.
pub(super) fn past(reader: Reader) -> Past {
    let mut known: HashMap<FeatureName, (Timestamp, Runs)> = HashMap::new();
    Box::new(move |feature| {
        let now = clock();
        if let Some((at, runs)) = known.get(feature)
            && now.duration_since(*at) < PAST_AGE_MAX
        {
            return runs.clone();
        }
        let filter = Runs::filter(&ServerName::local(), feature, now);
        let runs = match reader.sessions(Which::Ended, &filter) {
            Ok(ended) => Runs::of(&ended.sessions),
            Err(error) => {
                warn!("see how long runs of {feature} last: {:#}", anyhow!(error));
                Runs::default()
            }
        };
        known.insert(feature.clone(), (now, runs.clone()));
        runs
    })
}
