//! Manual pages and shell completions of the programs that clap reads the arguments of. Those of licwrap, which reads its own,
//! lie written by hand in `packaging/man` and `packaging/completions`, and so does the page of the configuration.

pub mod page;
pub mod program;

use std::{fs, path::Path};

use anyhow::Context;
use clap_complete::{Shell, generate_to};

use crate::program::Program;

/// Shells that get completions.
const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

/// Writes the pages and completions of all programs into `folder`, named as systems name them: `licmon.8`, `licmon.bash`,
/// `_licmon`, `licmon.fish`.
///
/// # Errors
/// When a file cannot be written.
pub fn write_all(folder: &Path) -> anyhow::Result<()> {
    for program in program::all() {
        write(&program, folder).with_context(|| format!("write into {}", folder.display()))?;
    }
    Ok(())
}

fn write(program: &Program, folder: &Path) -> anyhow::Result<()> {
    fs::write(folder.join(format!("{}.8", program.name)), page::page(program)?)?;
    for shell in SHELLS {
        generate_to(shell, &mut program.command.clone(), program.name, folder)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
