//! Who asks for seats, as the server knows him; and the conditions a configuration puts on that.

use glob::Pattern;
use lic_protocol::name::{HostName, UserName};

/// Who asks. Nothing in it but the project is said by the asker himself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// His number.
    pub uid: u32,
    /// His name.
    pub user: UserName,
    /// The names of his Unix groups; may be empty where no tool asked for names a group.
    pub groups: Vec<String>,
    /// Where he asks.
    pub host: HostName,
    /// The project he named.
    pub project: Option<String>,
}

/// Conditions on who asks: all that are there must hold, so that none at all is everybody. Each is a name, or a pattern
/// with `*`, `?` and `[...]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Who {
    /// His name.
    pub user: Option<Pattern>,
    /// One of his groups.
    pub group: Option<Pattern>,
    /// The host.
    pub host: Option<Pattern>,
    /// The project; a run without one does not match.
    pub project: Option<Pattern>,
}

impl Who {
    /// Whether the asker is meant.
    #[must_use]
    pub fn matches(&self, asker: &Asker) -> bool {
        let is = |condition: &Option<Pattern>, name: &str| {
            condition.as_ref().is_none_or(|pattern| pattern.matches(name))
        };
        let is_in = |pattern: &Pattern| asker.groups.iter().any(|group| pattern.matches(group));
        is(&self.user, asker.user.as_str())
            && is(&self.host, asker.host.as_str())
            && self.group.as_ref().is_none_or(is_in)
            && self.project.as_ref().is_none_or(|pattern| {
                asker.project.as_ref().is_some_and(|project| pattern.matches(project))
            })
    }
}

impl std::fmt::Display for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let conditions = [
            ("user", &self.user),
            ("group", &self.group),
            ("host", &self.host),
            ("project", &self.project),
        ];
        let mut shown = conditions
            .into_iter()
            .filter_map(|(key, condition)| Some((key, condition.as_ref()?.as_str())));
        match shown.next() {
            None => f.write_str("everybody"),
            Some((key, name)) => {
                write!(f, "{key} {name}")?;
                shown.try_for_each(|(key, name)| write!(f, ", {key} {name}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(conditions: &[(&str, &str)], expected: bool) {
        let asker = Asker {
            uid: 1000,
            user: "ann".into(),
            groups: vec!["users".into(), "cfd".into()],
            host: "node7".into(),
            project: Some("wing".into()),
        };
        let named = |key: &str| {
            let value = conditions.iter().find(|(name, _)| *name == key)?.1;
            Some(Pattern::new(value).unwrap())
        };
        let who = Who {
            user: named("user"),
            group: named("group"),
            host: named("host"),
            project: named("project"),
        };
        assert_eq!(who.matches(&asker), expected, "{who}");
        let without = Asker { project: None, ..asker };
        assert_eq!(who.matches(&without), expected && who.project.is_none(), "{who}");
    }

    #[test]
    fn every_condition_must_hold() {
        check(&[], true);
        check(&[("user", "ann")], true);
        check(&[("user", "an")], false);
        check(&[("group", "cfd"), ("host", "node*")], true);
        check(&[("group", "cfd"), ("host", "desk*")], false);
        check(&[("group", "fem")], false);
        check(&[("project", "wing")], true);
        check(&[("project", "tail")], false);
    }
}
