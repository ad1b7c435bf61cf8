//! The harness: the programs people get, a small site in a temporary folder, a pretend license server and a pretend tool.
//!
//! Stories and `cargo up` use it. It names the programs only by what they print, answer and store.

pub mod wait;

pub mod programs;

pub mod process;

pub mod http;

pub mod dice;

pub mod site;

pub mod vendor;

pub mod naive;

pub mod license_server;

pub mod tool;

pub mod terminal;

pub mod stage;

pub mod demo;

pub mod browser;

pub mod hostile;

pub mod up;

pub mod torture;

pub mod bench;
