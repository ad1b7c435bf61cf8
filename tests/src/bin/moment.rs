//! `moment`: a tool that says when it began and when it ended, in nanoseconds since 1970. `moment hold` ends with its
//! standard input. It uses nothing but std, so that a static copy is small and quick to start.

use std::{
    env, io,
    time::{Duration, SystemTime},
};

fn main() -> io::Result<()> {
    println!("{}", since_1970().as_nanos());
    if env::args().nth(1).is_some_and(|argument| argument == "hold") {
        io::copy(&mut io::stdin(), &mut io::sink())?;
    }
    println!("{}", since_1970().as_nanos());
    Ok(())
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
