//! The license servers that have a row in history, by name and by that row's number.

use lic_protocol::name::ServerName;
use rusqlite::{Connection, OptionalExtension, named_params};

use crate::{
    error::{Doing, StoreError},
    hash::HashMap,
    names::Names,
    seal::{Rows, Table},
};

/// Every license server that history knows.
#[derive(Default)]
pub(crate) struct Servers {
    numbers: HashMap<ServerName, i64>,
    known: HashMap<i64, Known>,
}

/// A license server that has a row in history.
pub(crate) struct Known {
    pub(crate) name: ServerName,
    pub(crate) system: String,
}

impl Servers {
    /// Reads them from history.
    pub(crate) fn load(history: &Connection) -> Result<Self, StoreError> {
        let doing = "read the known servers";
        let mut query = history.prepare("select id, name, system from server").doing(doing)?;
        let rows = query.query_map([], |row| {
            let name = ServerName::new(row.get::<_, String>(1)?);
            Ok((row.get(0)?, Known { name, system: row.get(2)? }))
        });
        let mut servers = Self::default();
        for row in rows.doing(doing)? {
            let (number, known) = row.doing(doing)?;
            servers.add(number, known);
        }
        Ok(servers)
    }

    /// Gives a server a row if it has none, which is added to `rows`. The system of a server that is known already stays as it is.
    pub(crate) fn know(
        &mut self,
        history: &Connection,
        rows: &mut Rows,
        name: &ServerName,
        system: &str,
    ) -> Result<(), StoreError> {
        if self.numbers.contains_key(name) {
            return Ok(());
        }
        let doing = "make a server known";
        let find = "select id, system from server where name = :name";
        let found = history.query_row(find, [name.as_str()], |row| Ok((row.get(0)?, row.get(1)?)));
        let (number, system) = match found.optional().doing(doing)? {
            Some(found) => found,
            None => {
                let add = "insert into server (id, name, system, seal) values (:id, :name, :system, :seal)";
                let id = rows.last_id() + 1;
                let cells = named_params! { ":id": id, ":name": name.as_str(), ":system": system };
                (rows.insert(history, Table::Server, add, cells).doing(doing)?, system.to_owned())
            }
        };
        self.add(number, Known { name: name.clone(), system });
        Ok(())
    }

    /// The number of a server's row.
    ///
    /// # Errors
    /// [`StoreError::Refused`] where it has none: nobody said of what license system it is.
    pub(crate) fn number(&self, name: &ServerName) -> Result<i64, StoreError> {
        self.numbers.get(name).copied().ok_or_else(|| StoreError::Refused {
            server: name.to_string(),
            why: "its license system was never told",
        })
    }

    /// The server of a row.
    ///
    /// # Errors
    /// [`StoreError::Strange`] where there is no such row.
    pub(crate) fn known(&self, number: i64) -> Result<&Known, StoreError> {
        self.known.get(&number).ok_or_else(|| StoreError::Strange {
            what: "the server of a record",
            value: number.to_string(),
        })
    }

    /// The number of a server by its name in live.
    pub(crate) fn numbered(&self, name: &str) -> Option<i64> {
        self.numbers.get(&ServerName::from(name)).copied()
    }

    /// The numbers of a server and a feature by their names in live; `None` where history knows no such server.
    pub(crate) fn feature(
        &self,
        history: &Connection,
        names: &mut Names,
        server: &str,
        feature: &str,
    ) -> Result<Option<(i64, i64)>, StoreError> {
        let Some(server) = self.numbered(server) else { return Ok(None) };
        Ok(Some((server, names.intern(history, feature)?)))
    }

    fn add(&mut self, number: i64, known: Known) {
        self.numbers.insert(known.name.clone(), number);
        self.known.insert(number, known);
    }
}
