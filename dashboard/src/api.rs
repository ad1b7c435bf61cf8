//! `/api/v1`: a view is a question to the databases and the document that answers it. Knows no template.

pub(crate) mod denials;
pub(crate) mod denied;
pub(crate) mod events;
pub(crate) mod expiry;
pub(crate) mod feature;
pub(crate) mod features;
pub(crate) mod health;
pub(crate) mod heatmap;
pub(crate) mod hosts;
pub(crate) mod observed;
pub(crate) mod openapi;
pub(crate) mod overview;
pub(crate) mod queue;
pub(crate) mod recent;
pub(crate) mod search;
pub(crate) mod series;
pub(crate) mod server;
pub(crate) mod servers;
pub(crate) mod sessions;
pub(crate) mod stream;
pub(crate) mod user;
pub(crate) mod users;

/// The parameters of an address, in their order.
pub(crate) type Pairs = Vec<(String, String)>;
