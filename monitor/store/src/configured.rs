//! The part of the picture that does not come from history: what the configuration names, and what keeps us from reading.

use jiff::Timestamp;
use lic_protocol::{
    name::{FeatureName, ServerName},
    view::Mode,
};
use rusqlite::{Connection, named_params};

use crate::error::{Doing, StoreError};

/// What the configuration names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configured {
    /// License servers, `local` among them where there are tools.
    pub servers: Vec<ConfiguredServer>,
    /// Features whose seats the configuration gives: wrapped tools.
    pub features: Vec<ConfiguredFeature>,
}

/// A license server the configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfiguredServer {
    /// Its name.
    pub name: ServerName,
    /// Its license system.
    pub system: String,
    /// The zone of the times it writes.
    pub zone: String,
}

/// A feature the configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfiguredFeature {
    /// Its license server.
    pub server: ServerName,
    /// Its name.
    pub feature: FeatureName,
    /// Its seats; `None` when there is no limit.
    pub issued: Option<u32>,
    /// Those of them that are set aside.
    pub reserved: u32,
    /// Whether it is held to them.
    pub mode: Mode,
    /// The first moment at which its license is valid no more; `None` when it does not end.
    pub expires: Option<Timestamp>,
}

/// What keeps us from reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The license server.
    pub server: ServerName,
    /// The file; `None` when it is the whole server.
    pub path: Option<String>,
    /// What is wrong, as one sentence; `None` when it is mended.
    pub error: Option<String>,
}

/// Puts the configuration into the picture; what it no longer names and nobody was ever heard of is gone.
pub(crate) fn apply(live: &Connection, configured: &Configured) -> Result<(), StoreError> {
    let doing = "store the configuration";
    live.execute_batch(
        "delete from server where heard_ms is null;
        update server set configured = 0;
        update poll set asked_ms = null;
        delete from fault;",
    )
    .doing(doing)?;
    add(live, configured)
}

/// The same for what is configured while we run: other servers, and what keeps us from reading them, stay as they are.
pub(crate) fn add(live: &Connection, configured: &Configured) -> Result<(), StoreError> {
    let doing = "store the configuration";
    live.execute_batch(
        "delete from feature where source is null;
        update feature
            set issued = null, uncounted = 0, reserved = null, mode = null, expires_ms = null;",
    )
    .doing(doing)?;
    let sql =
        "insert into server (name, system, zone, configured) values (:name, :system, :zone, 1)
        on conflict (name) do update set system = :system, zone = :zone, configured = 1";
    for server in &configured.servers {
        let values = [server.name.as_str(), &server.system, &server.zone];
        live.execute(sql, values).doing(doing)?;
    }
    let sql = "insert into feature (server, feature, issued, uncounted, reserved, mode, expires_ms)
        values (:server, :feature, :issued, :uncounted, :reserved, :mode, :expires_ms)
        on conflict (server, feature) do update set
            issued = :issued, uncounted = :uncounted, reserved = :reserved, mode = :mode,
            expires_ms = :expires_ms";
    for feature in &configured.features {
        let values = named_params! {
            ":server": feature.server.as_str(),
            ":feature": feature.feature.as_str(),
            ":issued": feature.issued,
            ":uncounted": feature.issued.is_none(),
            ":reserved": feature.reserved,
            ":mode": feature.mode.word(),
            ":expires_ms": feature.expires.map(Timestamp::as_millisecond),
        };
        live.execute(sql, values).doing(doing)?;
    }
    Ok(())
}

/// Sets or takes back a fault.
pub(crate) fn set_fault(live: &Connection, fault: &Fault) -> Result<(), StoreError> {
    let doing = "note a fault";
    let (server, path) = (fault.server.as_str(), fault.path.as_deref().unwrap_or(""));
    match &fault.error {
        Some(error) => {
            let sql = "insert into fault (server, path, error) values (:server, :path, :error)
                on conflict (server, path) do update set error = :error where error <> :error";
            live.execute(sql, [server, path, error]).doing(doing).map(drop)
        }
        None => {
            let sql = "delete from fault where server = :server and path = :path";
            live.execute(sql, [server, path]).doing(doing).map(drop)
        }
    }
}

/// Feature and key of what is open on a server.
pub(crate) fn open_keys(
    live: &Connection,
    server: &ServerName,
    sql: &str,
) -> Result<Vec<(String, String)>, StoreError> {
    let doing = "read what is open";
    let mut open = live.prepare_cached(sql).doing(doing)?;
    let rows = open.query_map([server.as_str()], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.and_then(Iterator::collect).doing(doing)
}
