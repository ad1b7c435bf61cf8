//! What the kernel must be able to do for a seat to be free the moment its process ends.

use std::io;

use lic_protocol::doctor::Findings;

use crate::server::peer;

/// Whether it can.
pub(super) fn look(findings: &mut Findings) -> bool {
    tell(peer::can_hold(), findings)
}

fn tell(can_hold: io::Result<()>, findings: &mut Findings) -> bool {
    let Err(error) = can_hold else { return true };
    findings.fault(
        "kernel",
        format!("the kernel gives no descriptor of a process (pidfd_open: {error}), by which licmon holds seats"),
        "Linux 5.3 or newer is needed, and a container must allow pidfd_open",
    );
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_without_it_is_told() {
        for (can_hold, expected) in [
            (Ok(()), 0),
            (Err(io::ErrorKind::Unsupported), 1),
            (Err(io::ErrorKind::PermissionDenied), 1),
        ] {
            let mut findings = Findings::default();
            tell(can_hold.map_err(io::Error::from), &mut findings);
            assert_eq!(findings.faults(), expected, "{can_hold:?}");
        }
    }
}
