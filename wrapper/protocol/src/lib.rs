//! The vocabulary: every noun that crosses a process or a crate, in reading order. It leans on nothing of ours.

#[cfg(feature = "config")]
pub mod config;
pub mod event;
pub mod name;
pub mod paths;
pub mod query;
pub mod span;
pub mod time;
pub mod view;
pub mod wire;
