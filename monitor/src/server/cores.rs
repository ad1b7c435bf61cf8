//! On how many cores a process may run, as the kernel tells: its affinity, in which the cpuset of its cgroup is. What a user
//! says of it does not count.

use std::{collections::BTreeSet, fs};

/// Most cores that are believed.
const CORES_MAX: u32 = 65_536;

/// Cores that a process may run on and that are there; all that are there where /proc hides the process. At least 1.
pub(crate) fn cores_of(pid: u32) -> u32 {
    let online = fs::read_to_string("/sys/devices/system/cpu/online").unwrap_or_default();
    let online = numbers(online.trim());
    let status = fs::read(format!("/proc/{pid}/status")).unwrap_or_default();
    let cores = match allowed(&status) {
        Some(allowed) if online.is_empty() => allowed.len(),
        Some(allowed) => allowed.intersection(&online).count(),
        None => online.len(),
    };
    u32::try_from(cores).unwrap_or(CORES_MAX).max(1)
}

/// Source: `proc_pid_status(5)`, `Cpus_allowed_list`. It names cores too that could be plugged in.
fn allowed(status: &[u8]) -> Option<BTreeSet<u32>> {
    let mut lines = status.split(|byte| *byte == b'\n');
    let list = lines.find_map(|line| line.strip_prefix(b"Cpus_allowed_list:"))?;
    Some(numbers(str::from_utf8(list).ok()?.trim()))
}

/// The numbers of `0-3,8`. Source: `cpuset(7)`, list format.
fn numbers(text: &str) -> BTreeSet<u32> {
    let mut all = BTreeSet::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(first), Ok(last)) = (first.parse::<u32>(), last.parse::<u32>()) {
            all.extend(first..=last.min(CORES_MAX));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_cores() {
        for (list, expected) in [
            ("", 0),
            ("0", 1),
            ("0-3", 4),
            ("0-3,8", 5),
            ("0-1,1-2", 3),
            ("x,7", 1),
            ("0-4294967295", 65_537),
        ] {
            assert_eq!(numbers(list).len(), expected, "{list}");
        }
        let status = b"Name:\ta\xff\nCpus_allowed:\tf\nCpus_allowed_list:\t0,2-3\n";
        assert_eq!(allowed(status), Some([0, 2, 3].into()));
        assert_eq!(allowed(b"Name:\ta\n"), None);
    }

    #[test]
    fn we_run_on_some_cores() {
        let all = cores_of(u32::MAX);
        assert!((1..=all).contains(&cores_of(std::process::id())));
    }
}
