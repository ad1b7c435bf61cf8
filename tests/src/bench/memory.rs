//! What memory a process has, as the kernel counts it.

use std::fs;

use anyhow::Context;

/// Memory of one process, in KiB.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Everything mapped and present.
    pub resident: u64,
    /// The same, with what is shared divided among those who share it.
    pub proportional: u64,
}

/// The memory of a process now.
///
/// Source: `proc_pid_smaps(5)`, `Rss` and `Pss` of `smaps_rollup`.
///
/// # Errors
/// When it is gone, or not ours to look at.
pub fn of_process(pid: u32) -> anyhow::Result<Memory> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        number.with_context(|| format!("no {name} in {path}"))
    };
    Ok(Memory { resident: field("Rss:")?, proportional: field("Pss:")? })
}
