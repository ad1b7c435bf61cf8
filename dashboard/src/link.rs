//! Addresses of our own pages: the one place where names become parts of a path or a query.

use std::fmt::Write;

use lic_protocol::{
    name::{FeatureName, HostName, ServerName, UserName},
    query::{LIMIT_MAX, Which},
};

use crate::query::Asked;

/// The page of a feature.
pub(crate) fn feature(server: &ServerName, feature: &FeatureName) -> String {
    format!("/features/{}/{}", encoded(server.as_str()), encoded(feature.as_str()))
}

/// The page of a license server.
pub(crate) fn server(server: &ServerName) -> String {
    format!("/servers/{}", encoded(server.as_str()))
}

/// The page of a user.
pub(crate) fn user(user: &UserName) -> String {
    format!("/users/{}", encoded(user.as_str()))
}

/// Sessions of a user.
pub(crate) fn sessions_of(which: Which, user: &UserName) -> String {
    let state = ("state", crate::query::state_word(which).to_owned());
    with_query("/sessions", &[state, ("user", user.as_str().to_owned())])
}

/// Sessions of a user of one feature.
pub(crate) fn sessions_with(user: &UserName, server: &ServerName, feature: &FeatureName) -> String {
    let user = ("user", user.as_str().to_owned());
    let state = ("state", crate::query::state_word(Which::All).to_owned());
    with_query("/sessions", &[state, user, server_pair(server), feature_pair(feature)])
}

/// Sessions on a host.
pub(crate) fn sessions_on(which: Which, host: &HostName) -> String {
    let state = ("state", crate::query::state_word(which).to_owned());
    with_query("/sessions", &[state, ("host", host.as_str().to_owned())])
}

/// Denials of a user.
pub(crate) fn denials_of(user: &UserName) -> String {
    with_query("/denials", &[("user", user.as_str().to_owned())])
}

/// Denials on a host.
pub(crate) fn denials_on(host: &HostName) -> String {
    with_query("/denials", &[("host", host.as_str().to_owned())])
}

/// What happened at a license server.
pub(crate) fn events_of(server: &ServerName) -> String {
    with_query("/events", &[server_pair(server)])
}

/// Features of a license server.
pub(crate) fn features_of(server: &ServerName) -> String {
    with_query("/features", &[server_pair(server)])
}

/// Who used a feature.
pub(crate) fn users_of(server: &ServerName, feature: &FeatureName) -> String {
    with_query("/users", &[server_pair(server), feature_pair(feature)])
}

/// The heat map of a feature, as a document.
pub(crate) fn heatmap(server: &ServerName, feature: &FeatureName) -> String {
    with_query("/api/v1/heatmap", &[server_pair(server), feature_pair(feature)])
}

/// The same address with one parameter more.
pub(crate) fn and(address: &str, key: &str, value: &str) -> String {
    let joint = if address.contains('?') { '&' } else { '?' };
    format!("{address}{joint}{key}={}", encoded(value))
}

/// The same page or view of a list, with what was asked for, continued behind `after`.
pub(crate) fn list(path: &str, asked: &Asked, after: Option<&str>) -> String {
    let mut pairs = asked.pairs();
    pairs.extend(after.map(|after| ("after", after.to_owned())));
    with_query(path, &pairs)
}

/// Sessions of a feature.
pub(crate) fn sessions(which: Which, server: &ServerName, feature: &FeatureName) -> String {
    let state = ("state", crate::query::state_word(which).to_owned());
    with_query("/sessions", &[state, server_pair(server), feature_pair(feature)])
}

/// The queue of a feature.
pub(crate) fn queue(server: &ServerName, feature: &FeatureName) -> String {
    with_query("/queue", &[server_pair(server), feature_pair(feature)])
}

/// The same with as many rows as there may be.
pub(crate) fn whole_queue(server: &ServerName, feature: &FeatureName) -> String {
    let limit = ("limit", LIMIT_MAX.to_string());
    with_query("/queue", &[server_pair(server), feature_pair(feature), limit])
}

/// Denials of a feature.
pub(crate) fn denials(server: &ServerName, feature: &FeatureName) -> String {
    with_query("/denials", &[server_pair(server), feature_pair(feature)])
}

fn server_pair(server: &ServerName) -> (&'static str, String) {
    ("server", server.as_str().to_owned())
}

fn feature_pair(feature: &FeatureName) -> (&'static str, String) {
    ("feature", feature.as_str().to_owned())
}

fn with_query(path: &str, pairs: &[(&'static str, String)]) -> String {
    let pairs: Vec<String> =
        pairs.iter().map(|(key, value)| format!("{key}={}", encoded(value))).collect();
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
}

/// `text` with everything but unreserved characters percent-encoded. Source: RFC 3986, section 2.3.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => write!(out, "%{byte:02X}").expect("a string takes whatever is written"),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(server: &str, name: &str, expected: &str) {
        assert_eq!(feature(&server.into(), &name.into()), expected);
    }

    #[test]
    fn names_stay_one_segment() {
        check("catia", "CAC-MCE", "/features/catia/CAC-MCE");
        check("a/b", "x?y#z%", "/features/a%2Fb/x%3Fy%23z%25");
        check("ü", "\"><b>", "/features/%C3%BC/%22%3E%3Cb%3E");
    }

    #[test]
    fn links_of_a_list() {
        let catia = ServerName::from("catia");
        assert_eq!(denials(&catia, &"A&B=C".into()), "/denials?server=catia&feature=A%26B%3DC");
        let ended = sessions(Which::Ended, &catia, &"CAC".into());
        assert_eq!(ended, "/sessions?state=ended&server=catia&feature=CAC");
    }
}
