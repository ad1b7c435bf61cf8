//! What is other in an answer than in all that was answered before. Pure: what is known and an answer in, changes out.

use lic_protocol::view::ServerState;

use super::{
    Polled,
    stock::{Counts, Known, Stock, Terms},
};
use crate::hash::HashMap;

/// One change; each is a record of its own.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answered {
    /// The license server is in this state, for this reason.
    State(ServerState, String),
    /// The license of a stock is this; `None` where it is served no more.
    Terms(Stock, Option<Terms>),
    /// The seats of a stock are these. A stock has a license before it has seats, and has no seats when its license ends.
    Counts(Stock, Counts),
}

/// What `polled` changes of what is known.
///
/// Of a server that gives no answer nothing but its state changes. One that serves in part may leave out stocks of the rest: these
/// are issued still. One that serves wholly tells all it has.
pub(crate) fn changes(
    state: Option<ServerState>,
    known: Vec<Known>,
    polled: &Polled,
    features_max: usize,
) -> Vec<Answered> {
    let (snapshot, mut changes) = (&polled.snapshot, Vec::new());
    if state != Some(snapshot.state) {
        changes.push(Answered::State(snapshot.state, snapshot.error.clone().unwrap_or_default()));
    }
    if !polled.is_answer() {
        return changes;
    }
    let mut before: HashMap<Stock, (Terms, Counts)> =
        known.into_iter().map(|known| (known.stock, (known.terms, known.counts))).collect();
    let features = &snapshot.features[..snapshot.features.len().min(features_max)];
    for Known { stock, terms, counts } in Known::all(features) {
        let (old_terms, old_counts) = before.remove(&stock).unzip();
        if old_terms != Some(terms) {
            changes.push(Answered::Terms(stock.clone(), Some(terms)));
        }
        if old_counts.unwrap_or_default() != counts {
            changes.push(Answered::Counts(stock, counts));
        }
    }
    let mut left_out: Vec<_> = before.into_iter().collect();
    left_out.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (stock, (terms, counts)) in left_out {
        let is_over = snapshot.state == ServerState::Up;
        let rest = if is_over { Counts::default() } else { Counts::not_told(&terms) };
        if counts != rest {
            changes.push(Answered::Counts(stock.clone(), rest));
        }
        if is_over {
            changes.push(Answered::Terms(stock, None));
        }
    }
    changes
}
