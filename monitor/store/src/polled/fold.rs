//! What a run of answers makes of the picture, worked out before anything of it is written: of each stock the last is enough.

use lic_protocol::view::ServerState;
use rusqlite::Connection;

use super::{
    change::Answered,
    picture,
    stock::{Counts, Stock, Terms},
};
use crate::{error::StoreError, hash::HashMap, servers::Servers};

/// What answers change in the picture.
#[derive(Default)]
pub(crate) struct Answers {
    servers: HashMap<i64, Server>,
    stocks: HashMap<(i64, Stock), Told>,
}

#[derive(Default)]
struct Server {
    state: Option<(ServerState, String, i64)>,
    told_ms: Option<i64>,
}

#[derive(Default)]
struct Told {
    license: License,
    counts: Option<Counts>,
}

#[derive(Default)]
enum License {
    #[default]
    AsBefore,
    Is(Terms),
    Ended,
}

impl Answers {
    /// Takes the next one in the order of their ids.
    pub(crate) fn add(&mut self, server: i64, at_ms: i64, answered: Answered) {
        let of = self.servers.entry(server).or_default();
        match answered {
            Answered::State(state, why) => {
                if super::is_answer(state) {
                    of.told_ms = Some(at_ms);
                }
                of.state = Some((state, why, at_ms));
            }
            Answered::Terms(stock, terms) => {
                of.told_ms = Some(at_ms);
                self.stocks.entry((server, stock)).or_default().license =
                    terms.map_or(License::Ended, License::Is);
            }
            Answered::Counts(stock, counts) => {
                of.told_ms = Some(at_ms);
                self.stocks.entry((server, stock)).or_default().counts = Some(counts);
            }
        }
    }

    /// Writes what changed. The caller commits.
    pub(crate) fn store(&self, live: &Connection, servers: &Servers) -> Result<(), StoreError> {
        for (server, of) in &self.servers {
            let known = servers.known(*server)?;
            let name = known.name.as_str();
            picture::know(live, known)?;
            if let Some((state, why, at_ms)) = &of.state {
                picture::set_state(live, name, *state, why, *at_ms)?;
            }
            if let Some(at_ms) = of.told_ms {
                picture::set_told(live, name, at_ms)?;
            }
        }
        for ((server, stock), told) in &self.stocks {
            let name = servers.known(*server)?.name.as_str();
            match &told.license {
                License::Is(terms) => picture::set_terms(live, name, stock, terms)?,
                License::Ended => picture::remove(live, name, stock)?,
                License::AsBefore => {}
            }
            if let Some(counts) = &told.counts {
                picture::set_counts(live, name, stock, counts)?;
            }
        }
        Ok(())
    }
}
