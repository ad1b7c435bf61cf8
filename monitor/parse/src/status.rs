//! Answers of license servers to snapshots: one text in, one picture out. One file and one row in [`formats`] for each program
//! whose answer is read.

pub mod dslicsrv;
pub mod dslicsrv_all;
pub mod json;
pub mod license_file;
pub mod lmstat;
pub mod lmxendutil;
pub mod lsmon;
pub mod lstc_qrun;
pub mod olicense_xml;
pub mod olixtool;
pub mod pattern;
pub mod rlmstat;
pub mod scontrol;

mod expiry;
mod index;
mod lines;
mod local;
mod verdict;

use std::sync::Arc;

use jiff::{Timestamp, tz::TimeZone};
use lic_protocol::{snapshot::Snapshot, view::ServerState};

/// Notes of one answer.
const NOTES_MAX: usize = 100;

/// A shape of answers: which program prints it, and how it is read.
pub trait StatusFormat: Send + Sync {
    /// The program that prints it: `lmstat`.
    fn name(&self) -> &'static str;

    /// The license system it is of: `flexlm`.
    fn system(&self) -> &'static str;

    /// What an answer says. Any bytes are safe. Of one that is none, the state is unknown, and the error says so.
    fn read(&self, answer: &Answer<'_>) -> Snapshot;
}

/// What a program printed.
#[derive(Clone, Copy)]
pub struct Answer<'a> {
    /// All of it: standard output, then standard error.
    pub text: &'a [u8],
    /// The zone of the times in it.
    pub zone: &'a TimeZone,
    /// When it was asked for, where that is known: years that the answer leaves out are counted back from here, if it does not
    /// tell its own time.
    pub asked: Option<Timestamp>,
}

/// Those that are what they are; a [`pattern::Pattern`] is what a configuration makes of it.
#[must_use]
pub fn formats() -> [Arc<dyn StatusFormat>; 12] {
    [
        Arc::new(lmstat::Lmstat),
        Arc::new(license_file::LicenseFile),
        Arc::new(rlmstat::Rlmstat),
        Arc::new(olixtool::Olixtool),
        Arc::new(olicense_xml::OlicenseXml),
        Arc::new(dslicsrv::Dslicsrv),
        Arc::new(dslicsrv_all::DslicsrvAll),
        Arc::new(lmxendutil::Lmxendutil),
        Arc::new(lstc_qrun::LstcQrun),
        Arc::new(lsmon::Lsmon),
        Arc::new(scontrol::Scontrol),
        Arc::new(json::Json),
    ]
}

/// The format of that name.
#[must_use]
pub fn format(name: &str) -> Option<Arc<dyn StatusFormat>> {
    formats().into_iter().find(|format| format.name() == name)
}

/// Reads an answer with the one of these formats that understands most of it; the first where none understands any.
///
/// A text that says nothing but that a server is down is understood too.
#[must_use]
pub fn best(
    formats: &[Arc<dyn StatusFormat>],
    answer: &Answer<'_>,
) -> Option<(Arc<dyn StatusFormat>, Snapshot)> {
    let read = formats.iter().map(|format| (format.clone(), format.read(answer)));
    read.min_by_key(|(_, snapshot)| {
        let is_strange = snapshot.state == ServerState::Unknown && snapshot.features.is_empty();
        (is_strange, snapshot.coverage.unknown, u64::MAX - snapshot.coverage.events)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_finds_its_format() {
        for known in formats() {
            assert_eq!(format(known.name()).map(|found| found.name()), Some(known.name()));
        }
        assert!(format("LMSTAT").is_none());
    }

    #[test]
    fn what_is_no_answer_is_unknown_and_says_so() {
        for format in formats() {
            for text in ["", "\n \n", "dear diary\n"] {
                let answer = Answer { text: text.as_bytes(), zone: &TimeZone::UTC, asked: None };
                let read = format.read(&answer);
                assert_eq!(read.state, ServerState::Unknown, "{}", format.name());
                assert!(read.error.is_some(), "{}", format.name());
            }
        }
    }
}
