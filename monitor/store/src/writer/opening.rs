//! Opening both databases for writing, whatever state they are in: a damaged live is set aside and made again from history, a damaged
//! history is set aside and a new one begun.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::{append::Memory, begin, catch_up};
use crate::{
    chain::Chain,
    copy, damage,
    error::{Doing, StoreError},
    identify::{self, Found},
    live,
    names::Names,
    open::{self, DatabasePaths},
    replay,
    rollups::Rollups,
    servers::Servers,
};

/// Both databases, and what a writer keeps in mind of them.
pub(super) struct Databases {
    pub(super) history: History,
    pub(super) live: Connection,
    /// What was damaged, and where it is now.
    pub(super) aside: Vec<PathBuf>,
}

/// History, and what a writer keeps in mind of both.
pub(super) struct History {
    pub(super) db: Connection,
    pub(super) copy: Option<PathBuf>,
    pub(super) servers: Servers,
    pub(super) chain: Chain,
    pub(super) memory: Memory,
}

/// Opens both. The right to write must be held.
pub(super) fn open(paths: &DatabasePaths) -> Result<Databases, StoreError> {
    let mut aside = Aside { paths, history: None, live: None };
    if damage::is_marked(&paths.history) {
        aside.history()?;
    }
    if damage::is_marked(&paths.live) {
        aside.live()?;
    }
    // Each is set aside once at most: a new one that is damaged too is the fault of something else.
    loop {
        let mut history = match history(paths) {
            Ok(history) => history,
            Err(StoreError::Open { path, source }) if path == paths.live => {
                aside.live_for(StoreError::Open { path, source })?;
                continue;
            }
            Err(error) => {
                aside.history_for(error)?;
                continue;
            }
        };
        match live(&paths.live, &mut history) {
            Ok(live) => return Ok(Databases { history, live, aside: aside.files() }),
            Err(error) if aside.live.is_none() => aside.live_for(error)?,
            Err(error) => {
                drop(history);
                aside.history_for(error)?;
            }
        }
    }
}

/// What was set aside in one opening.
struct Aside<'a> {
    paths: &'a DatabasePaths,
    history: Option<PathBuf>,
    live: Option<PathBuf>,
}

impl Aside<'_> {
    fn history(&mut self) -> Result<(), StoreError> {
        self.history = Some(damage::set_aside(&self.paths.history)?);
        Ok(())
    }

    fn live(&mut self) -> Result<(), StoreError> {
        self.live = Some(damage::set_aside(&self.paths.live)?);
        Ok(())
    }

    /// Sets history aside, if the error says that it is damaged.
    fn history_for(&mut self, error: StoreError) -> Result<(), StoreError> {
        if error.is_damage() && self.history.is_none() { self.history() } else { Err(error) }
    }

    /// Sets live aside, if the error says that it is damaged, or no picture of this history.
    fn live_for(&mut self, error: StoreError) -> Result<(), StoreError> {
        let is_off = error.is_damage() || error.is_contradiction();
        if is_off && self.live.is_none() { self.live() } else { Err(error) }
    }

    fn files(self) -> Vec<PathBuf> {
        self.history.into_iter().chain(self.live).collect()
    }
}

fn history(paths: &DatabasePaths) -> Result<History, StoreError> {
    let copy = match identify::both(paths)? {
        Found::Ours => copy::of_older(&paths.history)?,
        Found::Nothing => None,
    };
    let db = open::history_for_writing(&paths.history)?;
    open::trust(&db)?;
    let mut names = Names::default();
    let chain = Chain::load(&db, &mut names)?;
    let (servers, memory) = (Servers::load(&db)?, Memory::of(&db, names)?);
    Ok(History { db, copy, servers, chain, memory })
}

/// Live is small, and looked through whole.
fn live(path: &Path, history: &mut History) -> Result<Connection, StoreError> {
    let mut db = open::live_for_writing(path)?;
    let doing = "check the pages of live";
    let said: String =
        db.query_row("pragma integrity_check(1)", [], |row| row.get(0)).doing(doing)?;
    if said != "ok" {
        return Err(StoreError::Damaged { path: path.to_owned(), what: said });
    }
    picture(&mut db, &history.db, &history.servers, &mut history.memory)?;
    Ok(db)
}

/// Brings the picture up to history, and reads into memory what it tells.
pub(super) fn picture(
    live: &mut Connection,
    history: &Connection,
    servers: &Servers,
    memory: &mut Memory,
) -> Result<(), StoreError> {
    let change = begin(live)?;
    if live::watermark(&change)? > replay::last_id(history)? {
        // This live belongs to another history, or to a later state of this one.
        live::clear(&change)?;
    }
    let names = &mut memory.names;
    let number = |server: &str, feature: &str| servers.feature(history, names, server, feature);
    memory.rollups = Rollups::load(&change, servers, number)?;
    catch_up(history, &change, servers, &mut memory.rollups)?;
    change.commit().doing("catch up with history")?;
    memory.open(history, live, servers)
}
