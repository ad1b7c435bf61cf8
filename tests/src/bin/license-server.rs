//! `license-server`: the program that asks the pretend license server for its state.

use std::{env, path::Path, process::ExitCode};

use lic_tests::license_server::answer;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let Some(script) = arguments.first() else {
        eprintln!("usage: license-server SCRIPT [WORDS]");
        return ExitCode::FAILURE;
    };
    match answer(Path::new(script), arguments.get(1).map(String::as_str)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("license-server: {error}");
            ExitCode::FAILURE
        }
    }
}
