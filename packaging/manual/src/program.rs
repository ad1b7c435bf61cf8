//! The programs whose arguments clap reads, and what of their pages clap does not know.

use clap::{Command, CommandFactory};

/// A program with a page.
pub struct Program {
    /// Its name.
    pub name: &'static str,
    /// Its arguments, subcommands and their help.
    pub command: Command,
    /// Sections after them, in the language of manual pages. Source: man(7).
    pub rest: &'static str,
}

/// All of them.
#[must_use]
pub fn all() -> [Program; 2] {
    [
        Program {
            name: "licmon",
            command: licmon::cli::Cli::command(),
            rest: include_str!("../licmon.rest.8"),
        },
        Program {
            name: "licdash",
            command: licdash::cli::Cli::command().name("licdash"),
            rest: include_str!("../licdash.rest.8"),
        },
    ]
}
