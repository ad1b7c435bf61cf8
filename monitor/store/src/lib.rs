//! The only code that knows SQLite: two databases, and the rules between them.
//!
//! `history.db` grows and is never changed; `license_manager.db` is a fold over it that holds only what is so now.
//! [`writer::Writer`] is the one way in, [`read::Reader`] the way out.

pub mod backup;
pub mod checkpoint;
pub mod commit;
pub mod configured;
pub mod damage;
pub mod error;
pub mod gaps;
pub mod lite;
pub mod lock;
pub mod open;
pub mod polled;
pub mod read;
pub mod trouble;
pub mod verify;
pub mod whole;
pub mod writer;

mod blocks;
mod chain;
mod copy;
mod entry;
mod fold;
mod hash;
mod history;
mod identify;
mod insert;
mod live;
mod meter;
mod migrate;
mod names;
mod observed;
mod open_keys;
mod pairing;
mod replay;
mod rollups;
mod seal;
mod servers;
mod starts;

pub use error::StoreError;
