//! What the kernel must be able to do for a seat to be free the moment its process ends, and for its end to be known.

use std::io;

use lic_protocol::doctor::Findings;

use crate::server::{exit_info, processes};

const ABOUT: &str = "kernel";

pub(super) fn look(findings: &mut Findings) {
    tell(processes::can_tell(), exit_info::can_tell(), findings);
}

/// `ends` is whether the kernel tells when a process ends, `exits` whether it tells how.
fn tell(ends: io::Result<()>, exits: bool, findings: &mut Findings) {
    if let Err(error) = ends {
        findings.warning(
            ABOUT,
            format!(
                "the kernel does not tell when a process ends (pidfd_open: {error}): who holds seats is looked at every {} ms, and a \
                 seat is free so much later",
                processes::LOOK_MS
            ),
            "nothing, where that is soon enough; else Linux 5.3 or newer, and a container that allows pidfd_open",
        );
    } else if !exits {
        findings.note(
            ABOUT,
            "the kernel does not tell how a process ended: a session has no exit status, unless its run had --supervise",
            "nothing, where that is not needed; else Linux 6.15 or newer, or `licwrap --supervise`",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_cannot_do() {
        let missing = io::ErrorKind::Unsupported;
        for (ends, exits, expected) in [
            (Ok(()), true, None),
            (Ok(()), false, Some("note")),
            (Err(missing), true, Some("warning")),
            (Err(missing), false, Some("warning")),
        ] {
            let mut findings = Findings::default();
            tell(ends.map_err(io::Error::from), exits, &mut findings);
            let levels: Vec<&str> =
                findings.findings.iter().map(|found| found.level.word()).collect();
            assert_eq!(levels, Vec::from_iter(expected), "{ends:?} {exits}");
        }
    }
}
