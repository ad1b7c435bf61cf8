//! Finding a feature of a snapshot again by its name. Hostile answers repeat one name a hundred thousand times: only the newest
//! rows of a name are looked at.

use std::collections::HashMap;

use lic_protocol::snapshot::{FeatureStatus, Snapshot};

/// Rows of one name that are looked at.
const ROWS_MAX: usize = 256;

/// Where the features of a snapshot are.
#[derive(Default)]
pub(super) struct Index(HashMap<String, Vec<usize>>);

impl Index {
    /// The feature of that name for which `is_it`, the oldest first.
    pub(super) fn find(
        &self,
        snapshot: &Snapshot,
        name: &str,
        is_it: impl Fn(&FeatureStatus) -> bool,
    ) -> Option<usize> {
        let rows = self.0.get(name)?;
        let newest = &rows[rows.len().saturating_sub(ROWS_MAX)..];
        newest.iter().copied().find(|&at| snapshot.features.get(at).is_some_and(&is_it))
    }

    /// Puts a feature into the snapshot, and says where.
    pub(super) fn push(&mut self, snapshot: &mut Snapshot, feature: FeatureStatus) -> usize {
        let at = snapshot.features.len();
        self.0.entry(feature.feature.to_string()).or_default().push(at);
        snapshot.features.push(feature);
        at
    }
}
