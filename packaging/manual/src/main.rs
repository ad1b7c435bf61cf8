//! Arguments and exit status: `lic-manual DIR` writes pages and completions there. Run by `packaging/deb`.

use std::{env, path::Path, process::ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    let [folder] = arguments.as_slice() else {
        eprintln!("usage: lic-manual DIR");
        return ExitCode::from(2);
    };
    match lic_manual::write_all(Path::new(folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lic-manual: {error:#}");
            ExitCode::FAILURE
        }
    }
}
