//! licwrap, the command put before a tool: it asks the monitor for seats, waits for them, and becomes the tool.
//!
//! The rooms in reading order. One thread, no runtime, nothing left behind when the tool runs.

pub mod cli;
pub mod config;
pub mod denied;
pub mod duration;
pub mod exec;
pub mod file;
pub mod message;
pub mod named;
pub mod nested;
pub mod os;
pub mod policy;
pub mod request;
pub mod run;
pub mod spool;
pub mod supervise;
pub mod wait;
