//! Sources: whatever brings events. Each knows the pipe and the parsers, and never the store.
//!
//! A log is read by one path, whether it is followed or imported: bytes to lines, lines to events with their identity, events
//! and the place they end at into the pipe.

pub mod dates;
pub mod encoding;
pub mod folder;
pub mod import;
pub mod lines;
pub mod logfile;
pub mod mark;
pub mod reading;
pub mod rotated;
pub mod sender;
pub mod tail;
mod trail;
pub mod unpack;
