//! licdash: pages and JSON over the two databases of licmon. It reads and never writes.
//!
//! A request comes in through `serve`, passes `guard` (method, host, headers, panics) and `cache`, which answers it if nothing has
//! changed since it was last asked; else `router` gives it to a handler of `pages` or `api`. A handler asks `state` for a reader, the reader gives a view, and a template prints it.
//! `changes` watches the databases and wakes the streams of open pages.

pub mod changes;
pub mod cli;
pub mod config;
pub mod format;
pub mod guard;
pub mod host;
pub mod manager;
pub mod readers;
pub mod router;
pub mod run;
pub mod serve;
pub mod state;

mod api;
mod assets;
mod busy;
mod cache;
mod chart;
mod error;
mod export;
mod filters;
mod link;
mod metrics;
mod pages;
mod query;
