//! Names that logs get when they are rotated. A name says only that a file may have been a log of that name.

/// Suffixes of logs that were set aside.
const ASIDE: [&str; 6] = ["~", ".old", ".bak", ".prev", ".save", ".orig"];

/// The name that a log had before it was rotated to this one; `None` where it is no such name.
///
/// `lic.log.1`, `lic.log-20250303`, `lic.log.2025-03-03T08`, `lic.log.old` and `lic.log~` were `lic.log`, and so was
/// `lic-20250303.log`, whose date stands before its extension. Source: logrotate(8), `dateformat`, `extension`; lmswitch of
/// FlexNet.
#[must_use]
pub fn before(name: &str) -> Option<String> {
    if let Some(before) = ASIDE.iter().find_map(|suffix| name.strip_suffix(suffix)) {
        return (!before.is_empty()).then(|| before.to_owned());
    }
    if let Some(before) = without_number(name) {
        return Some(before.to_owned());
    }
    let (stem, extension) = name.rsplit_once('.')?;
    without_number(stem).map(|stem| format!("{stem}.{extension}"))
}

/// What stands before a number or a date, and the mark between them.
fn without_number(name: &str) -> Option<&str> {
    let is_of_date =
        |letter: char| letter.is_ascii_digit() || matches!(letter, '-' | '_' | ':' | 'T' | 'Z');
    let before = name.trim_end_matches(is_of_date);
    let number = &name[before.len()..];
    let digits = number.trim_start_matches(['-', '_']);
    let is_marked = digits.len() < number.len() || before.ends_with('.');
    let is_number = digits.starts_with(|letter: char| letter.is_ascii_digit());
    let before = before.trim_end_matches('.');
    (is_marked && is_number && !before.is_empty()).then_some(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expected: Option<&str>) {
        assert_eq!(before(name).as_deref(), expected, "{name}");
    }

    #[test]
    fn numbers_and_dates_are_no_part_of_the_name() {
        for name in [
            "lic.log.1",
            "lic.log.12",
            "lic.log-20250303",
            "lic.log.2025-03-03",
            "lic.log-2025-03-03T08:00:00Z",
            "lic.log_1741000000",
            "lic.log.old",
            "lic.log~",
            "lic-20250303.log",
            "lic.1.log",
        ] {
            check(name, Some("lic.log"));
        }
    }

    #[test]
    fn other_names_are_their_own() {
        for name in
            ["lic.log", "LicenseServer20250818082806", "lic2.log", "7", ".1", "~", "a-b", ""]
        {
            check(name, None);
        }
    }
}
