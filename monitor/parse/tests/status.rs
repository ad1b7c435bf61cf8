//! Every answer in `fixtures/status/` against the `.told` beside it. `UPDATE=1` rewrites those; a person reads the difference.

#[path = "status/picture.rs"]
mod picture;

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
};

use jiff::tz::TimeZone;
use lic_parse::status::{self, Answer};

use self::picture::picture;

#[test]
fn answers_mean_what_is_written_beside_them() {
    let mut differing = Vec::new();
    for (format, path) in picture::fixtures() {
        let text = fs::read(&path).unwrap();
        let format = status::format(&format).unwrap();
        let answer = Answer { text: &text, zone: &TimeZone::UTC, asked: None };
        let told = picture(&format.read(&answer));
        let expected = path.with_extension("told");
        if env::var_os("UPDATE").is_some() {
            fs::write(&expected, told).unwrap();
        } else if told != fs::read_to_string(&expected).unwrap_or_default() {
            differing.push(expected);
        }
    }
    assert_eq!(differing, Vec::<PathBuf>::new());
}

#[test]
fn every_format_has_answers() {
    let folders: BTreeSet<String> = picture::fixtures().map(|(format, _)| format).collect();
    let formats: BTreeSet<String> =
        status::formats().iter().map(|it| it.name().to_owned()).collect();
    assert_eq!(folders, formats);
}

#[test]
fn every_answer_is_known_by_its_lines() {
    let formats = status::formats();
    for (format, path) in picture::fixtures() {
        let text = fs::read(&path).unwrap();
        let answer = Answer { text: &text, zone: &TimeZone::UTC, asked: None };
        let (best, read) = status::best(&formats, &answer).unwrap();
        // What nobody understands is of nobody.
        if read.error.is_some_and(|error| error.starts_with("the answer is not")) {
            continue;
        }
        assert_eq!(best.name(), format, "{}", path.display());
    }
}

/// Answers that are not in the repository: read where they are, skipped where they are not.
#[test]
fn answers_of_real_servers_are_understood_wholly() {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures/flexlm/lmstat");
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        let text = fs::read(&path).unwrap();
        let answer = Answer { text: &text, zone: &TimeZone::UTC, asked: None };
        let read = status::format("lmstat").unwrap().read(&answer);
        assert_eq!(read.coverage.unknown, 0, "{}: {:?}", path.display(), read.coverage.examples);
    }
}
