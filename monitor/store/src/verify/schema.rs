//! Whether the tables, triggers and views of history are those that this program makes.

use std::{collections::BTreeMap, path::Path};

use lic_protocol::seal::Verified;
use rusqlite::Connection;

use crate::{
    error::{Doing, StoreError},
    identify::APPLICATION_ID,
    migrate,
};

/// Compares them with a history that is made for it in memory. An index more is nobody's harm.
pub(super) fn check(history: &Connection, verified: &mut Verified) -> Result<(), StoreError> {
    let mut fresh = Connection::open_in_memory().doing("make a schema to compare with")?;
    migrate::migrate(&mut fresh, Path::new("history.db"), migrate::HISTORY, APPLICATION_ID)?;
    let (made, mut found) = (statements(&fresh)?, statements(history)?);
    for (key, statement) in made {
        let (kind, name) = &key;
        match found.remove(&key) {
            None => verified.fault("schema", None, format!("{kind} {name} is missing")),
            Some(other) if other != statement => {
                verified.fault("schema", None, format!("{kind} {name} is not as it was made"));
            }
            Some(_) => {}
        }
    }
    for (kind, name) in found.into_keys().filter(|(kind, _)| kind != "index") {
        verified.fault("schema", None, format!("{kind} {name} was added"));
    }
    Ok(())
}

/// Kind and name of everything, and the statement that made it. What SQLite makes for itself is left out.
fn statements(db: &Connection) -> Result<BTreeMap<(String, String), String>, StoreError> {
    let doing = "read the schema";
    let sql = "select type, name, coalesce(sql, '') from sqlite_schema where name not like 'sqlite\\_%' escape '\\'";
    let mut query = db.prepare(sql).doing(doing)?;
    let rows = query.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)));
    rows.and_then(Iterator::collect).doing(doing)
}
