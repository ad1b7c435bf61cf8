//! The tool of the torture: writes down its beginning and its end, and may leave a child behind that keeps its token.

use std::{
    env, io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use nix::sys::signal::{Signal, raise};

use super::{
    journal::{self, Mark, Start, now_ns},
    plan,
};
use crate::{programs::command, wait};

/// The variable licwrap gives to a tool with a seat.
const SEAT_VARIABLE: &str = "LICWRAP_SEAT";

/// What a copy does. licwrap runs it.
#[derive(Clone, Debug, clap::Args)]
pub struct Hold {
    /// The file for its beginning and end.
    #[arg(long)]
    journal: PathBuf,
    /// What its run is called.
    #[arg(long)]
    run: u64,
    /// Last so many milliseconds.
    #[arg(long)]
    for_ms: u64,
    /// Leave a child behind that lasts so many milliseconds.
    #[arg(long)]
    child_ms: Option<u64>,
    /// End by SIGKILL.
    #[arg(long)]
    dies: bool,
    /// Be that child.
    #[arg(long)]
    is_child: bool,
}

impl Hold {
    /// Runs it.
    ///
    /// # Errors
    /// When it cannot write, or not start its child.
    pub fn run(&self) -> io::Result<()> {
        if self.is_child {
            self.add(Mark::ChildStart(now_ns()))?;
            self.last();
            return self.add(Mark::ChildEnd(now_ns()));
        }
        let lease = env::var(SEAT_VARIABLE).ok().and_then(|lease| lease.parse().ok());
        let pid = std::process::id();
        self.add(Mark::Start(Start { at_ns: now_ns(), pid, lease }))?;
        if let Some(child_ms) = self.child_ms {
            self.leave_child(child_ms)?;
        }
        self.last();
        self.add(Mark::End(now_ns()))?;
        if self.dies {
            raise(Signal::SIGKILL)?;
        }
        Ok(())
    }

    fn last(&self) {
        let _ = wait::answer(Duration::from_millis(self.for_ms), || None::<()>);
    }

    fn add(&self, mark: Mark) -> io::Result<()> {
        journal::add(&self.journal, self.run, mark)
    }

    /// It outlives its parent, and has the token that was inherited.
    fn leave_child(&self, child_ms: u64) -> io::Result<()> {
        let hold = plan::Hold { for_ms: child_ms, child_ms: None, dies: false };
        let mut child = command(env::current_exe()?);
        child.args(arguments(&self.journal, self.run, hold)).arg("--is-child");
        child.stdin(Stdio::null()).spawn().map(drop)
    }
}

/// The arguments of this program for a run.
#[must_use]
pub fn arguments(journal: &Path, run: u64, hold: plan::Hold) -> Vec<String> {
    let mut arguments = vec!["hold".to_owned()];
    let mut option = |name: &str, value: String| arguments.extend([name.to_owned(), value]);
    option("--journal", journal.display().to_string());
    option("--run", run.to_string());
    option("--for-ms", hold.for_ms.to_string());
    if let Some(child_ms) = hold.child_ms {
        option("--child-ms", child_ms.to_string());
    }
    arguments.extend(hold.dies.then(|| "--dies".to_owned()));
    arguments
}
