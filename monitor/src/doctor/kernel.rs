//! What the kernel must be able to do for a seat to be free the moment its process ends.

use lic_protocol::doctor::Findings;
use rustix::{
    io::Errno,
    process::{PidfdFlags, getpid, pidfd_open},
};

pub(super) fn look(findings: &mut Findings) {
    tell(pidfd_open(getpid(), PidfdFlags::empty()).err(), findings);
}

fn tell(refusal: Option<Errno>, findings: &mut Findings) {
    if let Some(errno) = refusal {
        findings.fault(
            "kernel",
            format!("the kernel gives no descriptor of a process (pidfd_open: {errno}), by which licmon holds seats"),
            "Linux 5.3 or newer is needed, and a container must allow pidfd_open",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_without_it_is_told() {
        for (refusal, expected) in [(None, 0), (Some(Errno::NOSYS), 1), (Some(Errno::PERM), 1)] {
            let mut findings = Findings::default();
            tell(refusal, &mut findings);
            assert_eq!(findings.faults(), expected, "{refusal:?}");
        }
    }
}
