//! A stock: the seats of one feature of one vendor, version and pool, as an answer tells them. Pure.

use lic_protocol::snapshot::{Expiry, FeatureStatus};

use crate::hash::HashMap;

/// What tells a stock from every other of its server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Stock {
    pub(crate) feature: String,
    pub(crate) vendor: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) pool: Option<String>,
    /// Its place among those that are equal in all of that, in the order of the answer.
    pub(crate) ordinal: u32,
}

/// The license of a stock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) issued: Option<u32>,
    pub(crate) is_uncounted: bool,
    pub(crate) expires_ms: Option<i64>,
    pub(crate) is_permanent: bool,
}

/// The seats of a stock at one instant. What is not told is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) issued: Option<u32>,
    pub(crate) in_use: Option<u32>,
    pub(crate) reserved: Option<u32>,
    pub(crate) queued: Option<u32>,
    pub(crate) borrowed: Option<u32>,
}

/// A stock with all that is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) stock: Stock,
    pub(crate) terms: Terms,
    pub(crate) counts: Counts,
}

impl Known {
    /// Each stock of an answer, in its order.
    pub(crate) fn all(features: &[FeatureStatus]) -> Vec<Self> {
        let mut equal: HashMap<Stock, u32> = HashMap::default();
        let known = features.iter().map(|feature| {
            let mut stock = Stock {
                feature: feature.feature.to_string(),
                vendor: feature.vendor.as_ref().map(ToString::to_string),
                version: feature.version.clone(),
                pool: feature.pool.clone(),
                ordinal: 0,
            };
            let before = equal.entry(stock.clone()).or_default();
            stock.ordinal = *before;
            *before += 1;
            Self { stock, terms: Terms::of(feature), counts: Counts::of(feature) }
        });
        known.collect()
    }
}

impl Terms {
    fn of(feature: &FeatureStatus) -> Self {
        Self {
            issued: feature.issued,
            is_uncounted: feature.uncounted,
            expires_ms: match feature.expires {
                Some(Expiry::At(at)) => Some(at.as_millisecond()),
                Some(Expiry::Permanent) | None => None,
            },
            is_permanent: feature.expires == Some(Expiry::Permanent),
        }
    }
}

impl Counts {
    fn of(feature: &FeatureStatus) -> Self {
        Self {
            issued: feature.issued,
            in_use: feature.in_use,
            reserved: feature.reserved,
            queued: feature.queued,
            borrowed: borrowed(feature),
        }
    }

    /// Those of a stock that an answer leaves out: its seats are issued still, and nothing else is known.
    pub(crate) fn not_told(terms: &Terms) -> Self {
        Self { issued: terms.issued, ..Self::default() }
    }
}

/// Seats that holders keep until a time. Many systems never tell it of any, so none is not 0.
fn borrowed(feature: &FeatureStatus) -> Option<u32> {
    let kept = feature.holders.iter().filter(|holder| {
        !holder.queued && (holder.linger_s.is_some() || holder.linger_until.is_some())
    });
    kept.map(|holder| holder.count).reduce(u32::saturating_add)
}
