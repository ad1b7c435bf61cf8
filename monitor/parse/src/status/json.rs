//! A status that is JSON already: what `licmon parse --kind status` prints, of a program that somebody wrote for a license system
//! that we do not know. What it leaves out is not known.

use lic_protocol::{
    snapshot::Snapshot,
    view::{Coverage, Example, ServerState},
};

use super::{Answer, StatusFormat};

/// The format.
pub struct Json;

impl StatusFormat for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn system(&self) -> &'static str {
        crate::pattern::NAME
    }

    /// Coverage counts the document as one line.
    fn read(&self, answer: &Answer<'_>) -> Snapshot {
        match serde_json::from_slice::<Snapshot>(answer.text.trim_ascii()) {
            Ok(mut read) => {
                read.coverage = Coverage { lines: 1, events: 1, ..Coverage::default() };
                let is_told = read.state != ServerState::Unknown || read.error.is_some();
                if !is_told && !read.features.is_empty() {
                    read.state = ServerState::Up;
                } else if !is_told {
                    read.error = Some("the answer names neither a state nor a feature".to_owned());
                }
                read
            }
            Err(error) => unread(&error),
        }
    }
}

fn unread(error: &serde_json::Error) -> Snapshot {
    let why = format!("the answer is not the JSON of a status: {error}");
    let line = u64::try_from(error.line()).unwrap_or(0);
    let example = Example { line, why: error.to_string(), text: String::new() };
    let examples = vec![example];
    let coverage = Coverage { lines: 1, unknown: 1, examples, ..Coverage::default() };
    Snapshot { error: Some(why), coverage, ..Snapshot::default() }
}
