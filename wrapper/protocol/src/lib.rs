//! The vocabulary: every noun that crosses a process or a crate, in reading order. It leans on nothing of ours.

pub mod avail;
#[cfg(feature = "config")]
pub mod config;
#[cfg(feature = "config")]
pub mod dashboard;
pub mod doctor;
pub mod event;
pub mod gaps;
#[cfg(feature = "log")]
pub mod log;
#[cfg(feature = "config")]
pub mod log_file;
pub mod name;
pub mod outcome;
pub mod pairs;
pub mod paths;
#[cfg(feature = "config")]
pub mod place;
pub mod query;
pub mod seal;
pub mod snapshot;
pub mod span;
pub mod time;
pub mod view;
pub mod want;
pub mod wire;
