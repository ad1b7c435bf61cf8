//! licmon's own log: one line for one event, whatever a file, a user or a server is called.

use std::{
    io::{self, Write},
    str,
};

use crate::table::shown;

/// Standard error, to which each event is written at once, without a control character in its midst.
#[derive(Debug, Default)]
pub struct OneLine;

impl Write for OneLine {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = str::from_utf8(event).map_err(io::Error::other)?;
        io::stderr().lock().write_all(one_line(text).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

fn one_line(event: &str) -> String {
    format!("{}\n", shown(event.strip_suffix('\n').unwrap_or(event)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_ends_no_line_and_begins_none() {
        for (event, expected) in [
            ("INFO ready\n", "INFO ready\n"),
            ("INFO following a\nERROR forged\n", "INFO following a\\x0AERROR forged\n"),
            ("WARN \u{1b}[2Jb\r\n", "WARN \\x1B[2Jb\\x0D\n"),
            ("INFO Åsa\n", "INFO Åsa\n"),
        ] {
            assert_eq!(one_line(event), expected);
        }
    }
}
