//! `licmon export`: a day of history, to be imported elsewhere.

use std::{
    io::{self, BufWriter, ErrorKind},
    path::Path,
};

use jiff::civil::Date;
use lic_protocol::name::ServerName;
use lic_store::{read::Reader, whole};

use crate::exchange;

/// Writes it to a file, which must not be there yet.
///
/// # Errors
/// When history cannot be read, or the file cannot be written; then there is none under that name.
pub fn to_file(
    reader: &Reader,
    day: Date,
    server: Option<&ServerName>,
    path: &Path,
) -> anyhow::Result<()> {
    whole::make(path, |file| exchange::write(reader, day, server, &mut BufWriter::new(file)))
}

/// Writes it to standard output. A reader that went away is not a failure.
///
/// # Errors
/// When history cannot be read, or the lines cannot be written.
pub fn to_output(reader: &Reader, day: Date, server: Option<&ServerName>) -> anyhow::Result<()> {
    let mut output = BufWriter::new(io::stdout().lock());
    match exchange::write(reader, day, server, &mut output) {
        Err(error) if is_broken_pipe(&error) => Ok(()),
        written => written,
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref().is_some_and(|error: &io::Error| error.kind() == ErrorKind::BrokenPipe)
}
