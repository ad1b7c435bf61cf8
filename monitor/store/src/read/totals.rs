//! What every feature comes to since anything of it is known: from rollups.

use lic_protocol::name::{FeatureName, ServerName};
use rusqlite::Connection;

use crate::error::{Doing, StoreError};

/// How often checkouts of a feature were refused so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeniedOf {
    /// Whose feature it is.
    pub server: ServerName,
    /// The feature.
    pub feature: FeatureName,
    /// Every try; never 0.
    pub denials: u64,
}

/// Features that were ever refused. Reads no more than the hours in which anything was.
pub(super) fn denied(live: &Connection) -> Result<Vec<DeniedOf>, StoreError> {
    let doing = "sum up the denials of every feature";
    let sql = "select meter.server, meter.feature, sum(hour.denials)
        from meter join hour on hour.meter = meter.id
        where hour.denials > 0
        group by meter.id
        order by meter.server, meter.feature";
    let mut query = live.prepare_cached(sql).doing(doing)?;
    let rows = query.query_map([], |row| {
        Ok(DeniedOf {
            server: ServerName::new(row.get::<_, String>(0)?),
            feature: FeatureName::new(row.get::<_, String>(1)?),
            denials: row.get::<_, i64>(2)?.cast_unsigned(),
        })
    });
    rows.and_then(Iterator::collect).doing(doing)
}
