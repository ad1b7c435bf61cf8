//! The stories that a browser plays: scripts of tests/browser, told when to go on and what was wrong.

use std::{
    env,
    io::{BufRead, BufReader, Lines, Read},
    process::{Child, ChildStdout, Stdio},
};

use crate::programs::{checkout, command};

/// Says `no` where no browser can be had; `tests/run` then tells so.
const BROWSER: &str = "LICWRAP_BROWSER";

/// A script that runs.
#[derive(Debug)]
pub struct Story {
    node: Child,
    said: Lines<BufReader<ChildStdout>>,
}

impl Story {
    /// Starts a script of tests/browser; `None` where no browser can be had, which is then told.
    ///
    /// # Panics
    /// When its driver is not installed.
    #[must_use]
    pub fn start(script: &str, arguments: &[&str]) -> Option<Self> {
        if env::var(BROWSER).is_ok_and(|browser| browser == "no") {
            println!("not run: {BROWSER}=no");
            return None;
        }
        let folder = checkout().join("tests/browser");
        for module in ["playwright-core", "axe-core"] {
            assert!(
                folder.join("node_modules").join(module).is_dir(),
                "install the driver first: tests/run, or npm ci in tests/browser; or set {BROWSER}=no"
            );
        }
        let mut node = command("node");
        node.arg(folder.join(script)).args(arguments);
        node.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut node = node.spawn().expect("node starts");
        let said = BufReader::new(node.stdout.take().expect("it is piped")).lines();
        Some(Self { node, said })
    }

    /// Whether `word` is what the script says next.
    pub fn says(&mut self, word: &str) -> bool {
        self.said.next().and_then(Result::ok).as_deref() == Some(word)
    }

    /// Waits for its end, whatever it says yet, which is told.
    ///
    /// # Panics
    /// When it tells that something is wrong.
    #[track_caller]
    pub fn ends_well(mut self) {
        for line in self.said.by_ref().map_while(Result::ok) {
            println!("{line}");
        }
        let mut wrong = String::new();
        let stderr = self.node.stderr.as_mut().expect("it is piped");
        stderr.read_to_string(&mut wrong).expect("text");
        assert!(self.node.wait().expect("an end").success(), "{wrong}");
    }
}
