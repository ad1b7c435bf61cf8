//! What the header of a feature says, against what is listed below it. The header is the license server's own count, and stands.

use std::collections::HashSet;

use lic_protocol::snapshot::{FeatureStatus, Snapshot};

use super::super::{NOTES_MAX, index::Index};

/// Counts what is listed, tells what differs, and leaves out what is printed twice. `bare` are the features below a vendor
/// daemon that follows another's without a heading: some versions repeat the features of the first there.
pub(super) fn settle(snapshot: &mut Snapshot, bare: &HashSet<usize>) {
    let mut settled = Snapshot::default();
    let mut index = Index::default();
    let mut notes = Vec::new();
    for (at, mut feature) in std::mem::take(&mut snapshot.features).into_iter().enumerate() {
        count(&mut feature);
        let is_repeat = |known: &FeatureStatus| is_repeat(known, &feature, bare.contains(&at));
        if index.find(&settled, feature.feature.as_str(), is_repeat).is_some() {
            notes.push(format!("feature {} is printed twice, and counted once", feature.feature));
            continue;
        }
        notes.extend(difference(&feature));
        index.push(&mut settled, feature);
    }
    notes.truncate(NOTES_MAX);
    snapshot.features = settled.features;
    snapshot.notes.extend(notes);
}

/// A block with holders is the same if all of it is: handles are of one checkout each. One without may be another stock of the
/// same name, but for where repeats are known.
fn is_repeat(known: &FeatureStatus, feature: &FeatureStatus, is_bare: bool) -> bool {
    if feature.holders.is_empty() {
        return is_bare
            && known.vendor != feature.vendor
            && feature.entitlements.is_empty()
            && (known.issued, known.in_use) == (feature.issued, feature.in_use);
    }
    known == feature
}

fn count(feature: &mut FeatureStatus) {
    let listed = !feature.holders.is_empty() || !feature.reservations.is_empty();
    if listed || feature.in_use == Some(0) {
        let reserved = feature.reservations.iter().map(|reservation| reservation.count);
        feature.reserved = sum(reserved);
        let queued = feature.holders.iter().filter(|holder| holder.queued).count();
        feature.queued = u32::try_from(queued).ok();
    }
    if feature.uncounted && listed {
        feature.in_use = held(feature);
    }
    let ends = feature.entitlements.iter().filter_map(|part| part.expires);
    feature.expires = feature.expires.into_iter().chain(ends).min();
}

fn sum(counts: impl Iterator<Item = u32>) -> Option<u32> {
    counts.into_iter().try_fold(0_u32, u32::checked_add)
}

fn held(feature: &FeatureStatus) -> Option<u32> {
    sum(feature.holders.iter().filter(|holder| !holder.queued).map(|holder| holder.count))
}

/// Seats in use are those of the holders and those set aside.
fn difference(feature: &FeatureStatus) -> Option<String> {
    let listed = held(feature)?.checked_add(feature.reserved?)?;
    let in_use = feature.in_use?;
    (listed != in_use).then(|| {
        let name = &feature.feature;
        format!("feature {name}: {in_use} seats in use by its header, {listed} are listed")
    })
}
