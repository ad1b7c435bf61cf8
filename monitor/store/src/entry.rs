//! Entry: what the picture of the present has to know of one record of history.

use std::borrow::Cow;

use lic_protocol::{
    event::{Checkout, Queue, ServerChange},
    view::Source,
};

use crate::{gaps::Recorded, polled::change::Answered};

/// One record of history, as the live fold sees it. It is made while the record is stored, or read back from it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry<'e> {
    /// The record.
    pub(crate) id: i64,
    /// The row of its license server.
    pub(crate) server: i64,
    /// When it happened.
    pub(crate) at_ms: i64,
    /// When we learned of it. A time in the future does not make a server heard before that.
    pub(crate) learned_at_ms: i64,
    /// What it changes.
    pub(crate) change: Change<'e>,
}

/// What a record changes in the picture.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change<'e> {
    /// A session opened.
    Opened(Opened<'e>),
    /// A session of the feature of this number ended, that of this checkout; `None` when its beginning is not known.
    Ended { feature: i64, checkout: Option<i64> },
    /// Checkouts of this feature were refused, so many.
    Denied(Feature<'e>, u32),
    /// Somebody began to wait for this feature.
    Waiting(Feature<'e>, Cow<'e, Queue>),
    /// The wait of this row of `queued` ended.
    WaitEnded { queued: Option<i64> },
    /// The license server changed.
    Server(ServerChange),
    /// The license server answered otherwise than before, or did not answer.
    Answered(Answered),
    /// Bytes of a log could not be read.
    Missing(Recorded),
    /// What was missing by this row of `gap` was read.
    Mended { gap: i64 },
}

/// A feature by its number in history, and its name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Feature<'e> {
    pub(crate) number: i64,
    pub(crate) name: Cow<'e, str>,
}

/// A session that opened.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Opened<'e> {
    /// The number of its feature.
    pub(crate) feature: i64,
    /// How it was seen.
    pub(crate) source: Source,
    pub(crate) checkout: Cow<'e, Checkout>,
}
