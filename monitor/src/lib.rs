//! licmon: follows license logs, grants seats to wrapped tools, and keeps the two databases.
//!
//! ```text
//! logs ──────► sources ─┐ parse
//! commands ──► poll ────┤
//!                       ├──────► pipe ─► writer ─► store ─► history.db
//! wrappers ──► server ──┘ admission                  └────► license_manager.db
//!     └── reply ◄─┘
//! ```

pub mod acts;
pub mod answers;
pub mod around;
pub mod cli;
pub mod config;
pub mod doctor;
pub mod exchange;
pub mod guess;
pub mod identity;
pub mod import;
pub mod lite;
pub mod manager;
pub mod parse;
pub mod pipe;
pub mod poll;
pub mod preview;
pub mod progress;
pub mod serve;
pub mod server;
pub mod servers;
pub mod sources;
pub mod systems;
pub mod table;
pub mod writer;
