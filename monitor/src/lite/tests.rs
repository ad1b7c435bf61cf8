//! Rows of License-Monitor-Lite, and the events they become.

use super::*;

/// Rows of `table TIME END ACTION FEATURE USER HOST`, a `-` for null; numbered from 1 in each table.
fn rows(text: &str) -> Vec<Rows> {
    let mut tables: Vec<Rows> = Vec::new();
    for line in text.lines().map(str::trim) {
        let words: Vec<Option<String>> = line
            .split_whitespace()
            .map(|word| (word != "-").then(|| word.replace('_', " ")))
            .collect();
        let [table, time, end, action, feature, user, host] = words.try_into().unwrap();
        let table = table.unwrap();
        if tables.last().is_none_or(|last| last.table != table) {
            tables.push(Rows { table, rows: Vec::new(), not_text: Vec::new() });
        }
        let rows = &mut tables.last_mut().unwrap().rows;
        let rowid = i64::try_from(rows.len()).unwrap() + 1;
        rows.push(Row { rowid, time, end, action, feature, user, host });
    }
    tables
}

fn converted(text: &str) -> Converted {
    let mut conversion = Conversion::new(ServerName::from("dsls"));
    let mut all = Converted::default();
    for rows in rows(text) {
        let converted = conversion.convert(&rows);
        all.events.extend(converted.events);
        all.skipped.extend(converted.skipped);
        all.repeated += converted.repeated;
    }
    all
}

fn told(event: &Event) -> String {
    let at = event.at.strftime("%FT%T");
    match &event.fact {
        Fact::Checkout(is) => {
            format!("{at} checkout {} {}@{} [{}]", is.feature, is.user, is.host, is.handle)
        }
        Fact::Checkin(is) => {
            format!("{at} {} {} {}@{} [{}]", is.reason, is.feature, is.user, is.host, is.handle)
        }
        Fact::Denial(is) => {
            format!("{at} denial {} {}@{} {} {}", is.feature, is.user, is.host, is.reason, is.class)
        }
        other => format!("{at} {other:?}"),
    }
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let converted = converted(text);
    let mut lines: Vec<String> = converted.events.iter().map(told).collect();
    lines.extend(converted.skipped);
    lines.extend((converted.repeated > 0).then(|| format!("{} repeated", converted.repeated)));
    assert_eq!(lines, expected);
}

#[test]
fn oldest_checkout_of_a_holder_ends_first() {
    check(
        "history 2025-08-18_06:00:00 - GRANT CAD ann ws1
         history 2025-08-18_06:01:00 - Grant CAD ann ws1
         history 2025-08-18_06:01:00 - grant CAD bob ws1
         history 2025-08-18_07:00:00 - Detachment CAD ann ws1
         history 2025-08-18_07:01:00 - TIMEOUT CAD ann ws1",
        &[
            "2025-08-18T06:00:00 checkout CAD ann@ws1 [history 1]",
            "2025-08-18T06:01:00 checkout CAD ann@ws1 [history 2]",
            "2025-08-18T06:01:00 checkout CAD bob@ws1 [history 3]",
            "2025-08-18T07:00:00 checkin CAD ann@ws1 [history 1]",
            "2025-08-18T07:01:00 timeout CAD ann@ws1 [history 2]",
        ],
    );
}

#[test]
fn checkin_of_nothing_open_stands_alone() {
    check(
        "history 2025-08-18_06:00:00 - timeout CAD ann ws1
         history 2025-08-18_09:00:00 - grant CAD ann ws1
         history 2025-08-18_08:00:00 - timeout CAD ann ws1
         history 2025-08-18_10:00:00 - timeout CAD ann ws2
         other 2025-08-18_10:00:00 - timeout CAD ann ws1",
        &[
            "2025-08-18T06:00:00 timeout CAD ann@ws1 [history 1]",
            "2025-08-18T09:00:00 checkout CAD ann@ws1 [history 2]",
            "2025-08-18T08:00:00 timeout CAD ann@ws1 [history 3]",
            "2025-08-18T10:00:00 timeout CAD ann@ws2 [history 4]",
            "2025-08-18T10:00:00 timeout CAD ann@ws1 [other 1]",
        ],
    );
}

#[test]
fn row_with_an_end_is_a_session() {
    check(
        "sessions 2025-08-18_06:00:00 2025-08-18_07:00:00 - CAD ann ws1
         sessions 2025-08-18_06:00:00 2025-08-18_07:00:00 Timeout CAD ann ws1
         sessions 2025-08-18_06:00:00 2025-08-18_07:00:00 done CAD ann ws1
         sessions 2025-08-18_06:00:00 None active CAD ann ws1",
        &[
            "2025-08-18T06:00:00 checkout CAD ann@ws1 [sessions 1]",
            "2025-08-18T07:00:00 unknown CAD ann@ws1 [sessions 1]",
            "2025-08-18T06:00:00 checkout CAD ann@ws1 [sessions 2]",
            "2025-08-18T07:00:00 timeout CAD ann@ws1 [sessions 2]",
            "2025-08-18T06:00:00 checkout CAD ann@ws1 [sessions 3]",
            "2025-08-18T07:00:00 unknown CAD ann@ws1 [sessions 3]",
            "2025-08-18T06:00:00 checkout CAD ann@ws1 [sessions 4]",
        ],
    );
}

#[test]
fn denial_keeps_its_words_and_missing_host_is_empty() {
    check(
        "history 2025-08-18_06:00:00 - Not_granted CAD ann -",
        &["2025-08-18T06:00:00 denial CAD ann@ Not granted other"],
    );
}

#[test]
fn active_session_of_the_other_table_is_not_taken_twice() {
    check(
        "history 2025-08-18_06:00:00 - grant CAD ann ws1
         history 2025-08-18_06:00:00 - grant CAD bob ws1
         history 2025-08-18_07:00:00 - timeout CAD bob ws1
         active 2025-08-18_06:00:00 - - CAD ann ws1
         active 2025-08-18_06:00:00 - - CAD bob ws1
         active 2025-08-18_06:30:00 - - CAD ann ws1",
        &[
            "2025-08-18T06:00:00 checkout CAD ann@ws1 [history 1]",
            "2025-08-18T06:00:00 checkout CAD bob@ws1 [history 2]",
            "2025-08-18T07:00:00 timeout CAD bob@ws1 [history 2]",
            "2025-08-18T06:00:00 checkout CAD bob@ws1 [active 2]",
            "2025-08-18T06:30:00 checkout CAD ann@ws1 [active 3]",
            "1 repeated",
        ],
    );
}

#[test]
fn row_that_is_not_understood_is_named() {
    check(
        "history - - grant CAD ann ws1
         history yesterday - grant CAD ann ws1
         history 2025-08-18_06:00:00 - renewed CAD ann ws1
         history 2025-08-18_06:00:00 later - CAD ann ws1
         history 2025-08-18_06:00:00 2025-08-18_05:00:00 - CAD ann ws1
         history 2025-08-18_06:00:00 - grant - ann ws1
         history 2025-08-18_06:00:00 - grant CAD _ ws1",
        &[
            "history 1: it has no time",
            "history 2: \"yesterday\" is not a time",
            "history 3: \"renewed\" is not a known action",
            "history 4: \"later\" is not a time",
            "history 5: it ends before it starts",
            "history 6: it has no feature",
            "history 7: it has no user",
        ],
    );
}

#[test]
fn identity_is_of_the_row() {
    let open = converted("sessions 2025-08-18_06:00:00 - active CAD ann ws1");
    let ended = converted(
        "sessions 2025-08-18_06:00:00 2025-08-18_07:00:00 ended CAD ann ws1
         sessions 2025-08-18_06:00:00 2025-08-18_07:00:00 ended CAD ann ws1",
    );
    assert_eq!(open.events[0].identity, ended.events[0].identity);
    let identities: BTreeSet<Identity> = ended.events.iter().map(|event| event.identity).collect();
    assert_eq!(identities.len(), 4);
}

#[test]
fn identity_is_the_same_in_every_release() {
    let events = converted("history 2025-08-18_06:00:00 - GRANT CAD ann ws1").events;
    assert_eq!(events[0].identity, Identity { hash: 16_438_608_363_058_389_284, ordinal: 0 });
}
