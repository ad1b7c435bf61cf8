//! Appending what license servers answered: whether they serve, the seats of their stocks, and the licenses behind these.

use lic_protocol::view::ServerState;

use super::{Records, Stamp};
use crate::{
    error::StoreError,
    insert::{Cell, number, number_of},
    names::Names,
    polled::stock::{Counts, Stock, Terms},
    seal::Table,
};

impl Records<'_> {
    /// Stores that a license server is in another state than before, and why.
    pub(crate) fn add_state(
        &mut self,
        names: &mut Names,
        stamp: &Stamp<'_>,
        state: ServerState,
        why: &str,
    ) -> Result<(), StoreError> {
        let cells = [
            number(stamp.id),
            number(stamp.server),
            number(stamp.at_ms),
            number(stamp.learned_at_ms),
            number(names.intern(self.history, state.word())?),
            Cell::Text(why),
            stamp.hash(),
            stamp.ordinal(),
            Cell::Null,
            Cell::Null,
        ];
        self.insert(Table::ServerEvent, &cells)
    }

    /// Stores the seats of a stock.
    pub(crate) fn add_sample(
        &mut self,
        names: &mut Names,
        stamp: &Stamp<'_>,
        stock: &Stock,
        counts: &Counts,
    ) -> Result<(), StoreError> {
        let [feature, vendor, version, pool] = self.names_of(names, stock)?;
        let cells = [
            number(stamp.id),
            number(stamp.server),
            feature,
            vendor,
            version,
            pool,
            number(stock.ordinal),
            number(stamp.at_ms),
            number(stamp.learned_at_ms),
            number_of(counts.issued),
            number_of(counts.in_use),
            number_of(counts.reserved),
            number_of(counts.queued),
            number_of(counts.borrowed),
        ];
        self.insert(Table::Sample, &cells)
    }

    /// Stores the license of a stock; `None` where it is served no more.
    pub(crate) fn add_entitlement(
        &mut self,
        names: &mut Names,
        stamp: &Stamp<'_>,
        stock: &Stock,
        terms: Option<&Terms>,
    ) -> Result<(), StoreError> {
        let [feature, vendor, version, pool] = self.names_of(names, stock)?;
        let told = terms.copied().unwrap_or_default();
        let cells = [
            number(stamp.id),
            number(stamp.server),
            feature,
            vendor,
            version,
            pool,
            number(stock.ordinal),
            number(stamp.at_ms),
            number(stamp.learned_at_ms),
            number(terms.is_some()),
            number_of(told.issued),
            number(told.is_uncounted),
            number_of(told.expires_ms),
            number(told.is_permanent),
        ];
        self.insert(Table::Entitlement, &cells)
    }

    fn names_of(&self, names: &mut Names, stock: &Stock) -> Result<[Cell<'static>; 4], StoreError> {
        let mut name = |text: &str| names.intern(self.history, text).map(Cell::Number);
        let feature = name(&stock.feature)?;
        let mut option = |text: &Option<String>| text.as_deref().map_or(Ok(Cell::Null), &mut name);
        Ok([feature, option(&stock.vendor)?, option(&stock.version)?, option(&stock.pool)?])
    }
}
