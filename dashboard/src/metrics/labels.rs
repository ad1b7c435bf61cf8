//! Labels: which features and license servers have some of their own, and how a name becomes one. Pure.

use std::{collections::HashSet, fmt};

use lic_protocol::view::{Feature, Server};

use crate::format::shown;

/// Features with labels of their own. Each of them is a dozen series to whoever scrapes.
pub(crate) const FEATURES_MAX: usize = 500;
/// License servers with labels of their own.
pub(crate) const SERVERS_MAX: usize = 100;
/// Longest name that is a label.
pub(crate) const NAME_BYTES_MAX: usize = 200;

/// The labels of one sample.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Labels(Vec<(&'static str, String)>);

/// What has labels of its own, and what has none, each in the order it was in.
#[derive(Debug)]
pub(super) struct Shares<'a, T> {
    pub(super) named: Vec<(Labels, &'a T)>,
    pub(super) others: Vec<&'a T>,
}

impl Labels {
    /// Of what there is one of.
    pub(super) fn none() -> Self {
        Self::default()
    }

    /// Of the sum of all features without labels. It has no server, so it is no feature of that name.
    pub(super) fn other() -> Self {
        Self::none().and("feature", "other")
    }

    /// With one label more.
    pub(super) fn and(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.push((name, value.into()));
        self
    }
}

impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, value)) in self.0.iter().enumerate() {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            write!(f, "{}{name}=\"{value}\"", if at == 0 { '{' } else { ',' })?;
        }
        if self.0.is_empty() { Ok(()) } else { f.write_str("}") }
    }
}

impl<'a> Shares<'a, Feature> {
    /// By server and feature.
    pub(super) fn of_features(features: &'a [Feature]) -> Self {
        Self::of(features, FEATURES_MAX, |feature| {
            let server = label(feature.server.as_str())?;
            Some(
                Labels::none()
                    .and("server", server)
                    .and("feature", label(feature.feature.as_str())?),
            )
        })
    }
}

impl<'a> Shares<'a, Server> {
    /// By name.
    pub(super) fn of_servers(servers: &'a [Server]) -> Self {
        Self::of(servers, SERVERS_MAX, |server| {
            Some(Labels::none().and("server", label(server.name.as_str())?))
        })
    }
}

impl<'a, T> Shares<'a, T> {
    /// The first `max` whose labels are good and nobody else's.
    fn of(all: &'a [T], max: usize, labels: impl Fn(&T) -> Option<Labels>) -> Self {
        let mut shares = Self { named: Vec::new(), others: Vec::new() };
        let mut taken = HashSet::new();
        for one in all {
            let labels =
                labels(one).filter(|labels| taken.len() < max && taken.insert(labels.clone()));
            match labels {
                Some(labels) => shares.named.push((labels, one)),
                None => shares.others.push(one),
            }
        }
        shares
    }
}

/// The name as a label; `None` where it is none, as nothing is said of it or too much.
fn label(name: &str) -> Option<String> {
    (!name.is_empty() && name.len() <= NAME_BYTES_MAX).then(|| shown(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_labels() {
        let long = "x".repeat(NAME_BYTES_MAX + 1);
        for (name, expected) in [
            ("CAD", Some("{n=\"CAD\"}")),
            ("a\"b\\c", Some("{n=\"a\\\"b\\\\c\"}")),
            ("a\nb 1\n# TYPE x", Some("{n=\"a\\\\x0ab 1\\\\x0a# TYPE x\"}")),
            ("\u{1b}[2J\u{202e}", Some("{n=\"\\\\x1b[2J\\\\u{202e}\"}")),
            ("Åsa", Some("{n=\"Åsa\"}")),
            ("", None),
            (&long, None),
        ] {
            let labels = label(name).map(|name| Labels::none().and("n", name).to_string());
            assert_eq!(labels.as_deref(), expected, "{name}");
        }
        assert_eq!(Labels::none().to_string(), "");
        assert_eq!(
            Labels::none().and("a", "line\n").and("b", "").to_string(),
            "{a=\"line\\n\",b=\"\"}"
        );
    }

    #[test]
    fn who_has_labels() {
        let shares = |all: &[&str]| {
            let shares = Shares::of(all, 2, |one| Some(Labels::none().and("n", label(one)?)));
            let named: Vec<&str> = shares.named.iter().map(|(_, one)| **one).collect();
            let others: Vec<&str> = shares.others.iter().map(|one| **one).collect();
            (named.join(" "), others.join(" "))
        };
        for (all, named, others) in [
            (&["a", "b", "c", "d"][..], "a b", "c d"),
            (&["a"], "a", ""),
            // Both look alike.
            (&["\u{1}", "\\x01", "b"], "\u{1} b", "\\x01"),
            (&["", "b"], "b", ""),
        ] {
            assert_eq!(shares(all), (named.to_owned(), others.to_owned()), "{all:?}");
        }
    }
}
