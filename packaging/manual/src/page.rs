//! One manual page for a program and all its subcommands.

use std::io::{self, Write};

use clap::{Arg, Command};
use clap_mangen::Man;

use crate::program::Program;

/// The section of the manual for system administration.
const SECTION: &str = "8";

/// The page of a program, in the language of manual pages.
///
/// # Errors
/// When it cannot be written down, which memory does not refuse.
pub fn page(program: &Program) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    let mut command = program.command.clone();
    command.build();
    let version = format!("{} {}", program.name, command.get_version().unwrap_or_default());
    let man = Man::new(command.clone()).section(SECTION).source(version).manual("License monitor");
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    writeln!(page, ".SH COMMANDS")?;
    for subcommand in shown(&command) {
        render_subcommand(program.name, subcommand, &mut page)?;
    }
    page.write_all(program.rest.as_bytes())?;
    Ok(page)
}

/// A heading, what it does, and the options that the whole program does not have; `--help` is one that it has.
fn render_subcommand(program: &str, command: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    writeln!(page, ".SS \"{program} {}\"", command.get_name())?;
    if let Some(about) = command.get_about() {
        writeln!(page, "{}", escaped(&about.to_string()))?;
    }
    let is_of_all = |arg: &&Arg| arg.is_global_set() || arg.get_id() == "help";
    let of_all = command.get_arguments().filter(is_of_all);
    let own = of_all
        .fold(command.clone(), |own, arg| own.mut_arg(arg.get_id().as_str(), |arg| arg.hide(true)));
    let mut options = Vec::new();
    Man::new(own).render_options_section(&mut options)?;
    // Its heading is that of a whole page; here it is a part of one.
    let options = String::from_utf8(options).map_err(io::Error::other)?;
    let mut options = options.lines().filter(|line| !line.starts_with(".SH"));
    options.try_for_each(|line| writeln!(page, "{line}"))?;
    let of = format!("{program} {}", command.get_name());
    shown(command).try_for_each(|below| render_subcommand(&of, below, page))
}

/// Subcommands people type; `help` is clap's own.
fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help")
}

/// Text that begins no request and no escape. Source: groff(7).
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}
