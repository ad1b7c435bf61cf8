//! Names that are made to do harm, and names that are only too long, as lines of a DSLS log.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

/// What is known to have done harm somewhere: to a page, an address, a spreadsheet, a terminal, a query, a template.
const SEEDS: [&str; 40] = [
    "<script>window.hacked=1</script>",
    "</script><script>window.hacked=1</script>",
    "<img src=x onerror=window.hacked=1>",
    "<svg/onload=window.hacked=1>",
    "\"><svg onload=window.hacked=1>",
    "' onmouseover='window.hacked=1' x='",
    "\" autofocus onfocus=\"window.hacked=1\" x=\"",
    "</title><script>window.hacked=1</script>",
    "</textarea><script>window.hacked=1</script>",
    "</style><script>window.hacked=1</script>",
    "--><script>window.hacked=1</script>",
    "<iframe srcdoc='<script>parent.hacked=1</script>'>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=window.hacked=1>",
    "<a href=javascript:window.hacked=1>",
    "javascript:window.hacked=1",
    "data:text/html,<script>window.hacked=1</script>",
    "<base href=//evil.example/>",
    "<meta http-equiv=refresh content=0;url=//evil.example>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>*{display:none}</style>",
    "{{7*7}}{% raw %}",
    "${window.hacked=1}`",
    "&lt;script&gt;&#60;b&#62;&amp;amp;",
    "=1+1",
    "=HYPERLINK(\"http://evil.example\",\"x\")",
    "+cmd|' /C calc'",
    "-2+3",
    "@SUM(A1:A9)",
    "\t=1+1",
    "\u{ff1d}1+1",
    "%0d%0aSet-Cookie: x=1",
    "../../../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "a/b?c#d&e=f;g",
    "'; drop table name; --",
    "\u{1b}[2J\u{1b}]0;owned\u{7}",
    "\u{202e}gnp.exe\u{2066}\u{200b}",
    "\u{9b}31m\u{85}\u{7f}\u{8}",
    "a\u{0}b\u{b}c\u{c}d",
    "\u{feff}\u{2028}\u{2029}\u{fffe}",
];

/// What is put round a seed.
const AROUND: [(&str, &str); 8] = [
    ("", ""),
    ("x", "y"),
    ("\"", "\""),
    ("'", "'"),
    (" ", " "),
    ("<b>", "</b>"),
    ("\u{202d}", "\u{202c}"),
    ("\\", "\\"),
];

/// So many names, each another one.
#[must_use]
pub fn hostile(count: usize) -> Vec<String> {
    let around = |round: usize| AROUND[round % AROUND.len()];
    let name = |at: usize| {
        let (before, after) = around(at / SEEDS.len());
        let again = at / (SEEDS.len() * AROUND.len());
        let seed = SEEDS[at % SEEDS.len()];
        let twice = if again > 0 { SEEDS[(at * 7 + again) % SEEDS.len()] } else { "" };
        format!("{before}{seed}{after}{twice}")
    };
    (0..count).map(name).collect()
}

/// A session and a denial of each name, in which it is user, host, feature and reason; they end with `last`.
#[must_use]
pub fn hostile_lines(last: Timestamp, names: &[String]) -> String {
    let mut text = String::new();
    for (at, name) in names.iter().enumerate() {
        // An exclamation mark or a bar ends a field; in its place stands one that looks like it.
        let name = name.replace('!', "\u{1c3}").replace('|', "\u{1c0}");
        let back = i64::try_from(2 * (names.len() - at)).expect("a few thousand");
        let when = last - SignedDuration::from_secs(back);
        text.push_str(&grant(when, at, &name, &name, &name));
        text.push_str(&denial(when + SignedDuration::from_secs(1), &name, &name, &name, &name));
    }
    text
}

/// `count` sessions, each of a user, at a host and of a feature of its own, whose names begin with `name`.
#[must_use]
pub fn long_lines(last: Timestamp, count: usize, name: &str) -> String {
    let mut text = String::new();
    for at in 0..count {
        let own = format!("{name}{at}");
        let back = i64::try_from(2 * (count - at)).expect("a few thousand");
        let when = last - SignedDuration::from_secs(back);
        text.push_str(&grant(when, at, &own, &own, &own));
        let reason = format!("no more available license for {name}");
        text.push_str(&denial(when + SignedDuration::from_secs(1), &own, &own, &own, &reason));
    }
    text
}

fn stamp(at: Timestamp) -> String {
    at.to_zoned_datetime(TimeZone::UTC).strftime("%Y/%m/%d %H:%M:%S:000").to_string()
}

fn grant(at: Timestamp, number: usize, feature: &str, user: &str, host: &str) -> String {
    format!(
        "{} I USGTRACING  Grant!!{feature}!{number:016X}!Dassault Systemes V5!ConcurrentUser!1!STD!{host} (00-1.{number})!192.0.2.1!{user}!{number}!C:\\{user}.exe!5.34!ALC\n",
        stamp(at)
    )
}

fn denial(at: Timestamp, feature: &str, user: &str, host: &str, reason: &str) -> String {
    format!(
        "{} W LICENSESERV {feature} not granted, {reason} ( from client {host} (00-1.1)/192.0.2.1|{user}|x|{user}.exe )\n",
        stamp(at)
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_is_another_one() {
        let names = hostile(500);
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 500);
    }
}
