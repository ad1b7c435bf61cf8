//! Going on after something could not be stored: what the writer knows is made again from what is stored.

use rusqlite::Connection;

use super::{Writer, append::Memory, opening};
use crate::{
    chain::Chain,
    error::{Doing, StoreError},
    names::Names,
    servers::Servers,
    trouble::Trouble,
};

impl Writer {
    /// Forgets whatever is not stored. A batch that failed can be committed again: what of it is stored is recognised.
    ///
    /// # Errors
    /// What SQLite meets; it can be tried again.
    pub fn recover(&mut self) -> Result<(), StoreError> {
        roll_back(&self.history)?;
        roll_back(&self.live)?;
        let mut names = Names::default();
        self.chain = Chain::load(&self.history, &mut names)?;
        self.servers = Servers::load(&self.history)?;
        self.memory = Memory::of(&self.history, names)?;
        opening::picture(&mut self.live, &self.history, &self.servers, &mut self.memory)
    }

    /// Says why nothing is stored for now, as far as that can be said; `None` when it is over.
    pub fn say_trouble(&mut self, trouble: Option<Trouble>) {
        self.lock.say_trouble(trouble);
    }
}

fn roll_back(database: &Connection) -> Result<(), StoreError> {
    // SQLite has done it itself where it could not go on.
    if database.is_autocommit() {
        return Ok(());
    }
    database.execute_batch("rollback").doing("take back what could not be stored")
}
