//! The table of `lmstat -i`, which reads the license file alone. Two orders of its columns are known; values hold blanks.

use jiff::tz::TimeZone;
use lic_protocol::snapshot::{Entitlement, Expiry, FeatureStatus, Kind, Snapshot};

use super::super::{expiry, index::Index, lines::Said};
use crate::text::number;

/// The order of the last two columns.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    ExpiryFirst,
    VendorFirst,
}

impl Table {
    /// The table that begins with this line, if one does.
    pub(super) fn headed(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match *words {
            ["Feature", "Version", "#licenses", "Expires", "Vendor"] => Some(Self::ExpiryFirst),
            ["Feature", "Version", "#licenses", "Vendor", "Expires"] => Some(Self::VendorFirst),
            _ => None,
        }
    }

    /// A row of it.
    pub(super) fn row(
        self,
        line: &str,
        (snapshot, index): (&mut Snapshot, &mut Index),
        zone: &TimeZone,
    ) -> Said {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let [name, version, count, rest @ ..] = &words[..] else {
            return Said::Unknown("no row of lmstat -i");
        };
        let (vendor, date) = match (self, rest) {
            (Self::ExpiryFirst, [date @ .., vendor]) | (Self::VendorFirst, [vendor, date @ ..]) => {
                (vendor, date.join(" "))
            }
            _ => return Said::Unknown("no row of lmstat -i"),
        };
        let is_uncounted = *count == "uncounted";
        let seats = number(count);
        if seats.is_none() && !is_uncounted {
            return Said::Unknown("no count of licenses");
        }
        let expires = expiry::dashed(&date, zone);
        let kind = is_uncounted.then_some(Kind::Uncounted);
        let version = (*version).to_owned();
        let entitlement = Entitlement {
            version: Some(version.clone()),
            count: seats,
            expires,
            kind,
            locked_to: None,
        };
        let feature = feature(snapshot, index, (name, vendor, &version));
        feature.uncounted |= is_uncounted;
        add(feature, entitlement);
        Said::known_if(expires, "no date that lmstat prints")
    }
}

/// Its feature. What the license server said of it before stays.
fn feature<'a>(
    snapshot: &'a mut Snapshot,
    index: &mut Index,
    (name, vendor, version): (&str, &str, &str),
) -> &'a mut FeatureStatus {
    let is_it = |known: &FeatureStatus| {
        known.vendor.as_ref().is_none_or(|known| known.as_str() == vendor)
            && known.version.as_deref().is_none_or(|known| known == version)
    };
    let at = index.find(snapshot, name, is_it);
    let at = at.unwrap_or_else(|| index.push(snapshot, FeatureStatus::named(name)));
    let feature = &mut snapshot.features[at];
    feature.vendor.get_or_insert_with(|| vendor.into());
    feature.version.get_or_insert_with(|| version.to_owned());
    feature
}

fn add(feature: &mut FeatureStatus, entitlement: Entitlement) {
    // The license server's own count stands.
    if feature.in_use.is_none() {
        let sum = feature.issued.unwrap_or(0).checked_add(entitlement.count.unwrap_or(0));
        feature.issued = sum.filter(|_| !feature.uncounted);
    }
    feature.expires = earliest(feature.expires, entitlement.expires);
    feature.entitlements.push(entitlement);
}

fn earliest(one: Option<Expiry>, other: Option<Expiry>) -> Option<Expiry> {
    [one, other].into_iter().flatten().min()
}
