//! Who may use a tool at all: rules in order, of which the first that means the asker decides.

use crate::asker::{Asker, Who};

/// What a rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// He may.
    Allow,
    /// He may not.
    Deny,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What it says.
    pub verdict: Verdict,
    /// Of whom.
    pub who: Who,
    /// Where it stands in the configuration, counted from 1.
    pub line: usize,
}

/// The rule that decides about the asker; without one he may.
#[must_use]
pub fn decisive<'a>(rules: &'a [Rule], asker: &Asker) -> Option<&'a Rule> {
    rules.iter().find(|rule| rule.who.matches(asker))
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let verdict = match self.verdict {
            Verdict::Allow => "allow",
            Verdict::Deny => "deny",
        };
        write!(f, "{verdict} {} (line {} of the configuration)", self.who, self.line)
    }
}

#[cfg(test)]
mod tests {
    use glob::Pattern;

    use super::*;

    #[track_caller]
    fn check(rules: &[(Verdict, &str)], expected: Option<usize>) {
        let rule = |(place, (verdict, user)): (usize, &(Verdict, &str))| Rule {
            verdict: *verdict,
            who: Who { user: Some(Pattern::new(user).unwrap()), ..Who::default() },
            line: place + 1,
        };
        let rules: Vec<Rule> = rules.iter().enumerate().map(rule).collect();
        let asker = Asker {
            uid: 1,
            user: "ann".into(),
            groups: Vec::new(),
            host: "node7".into(),
            project: None,
        };
        assert_eq!(decisive(&rules, &asker).map(|rule| rule.line), expected);
    }

    #[test]
    fn the_first_that_matches_decides() {
        let (allow, deny) = (Verdict::Allow, Verdict::Deny);
        check(&[], None);
        check(&[(deny, "bob")], None);
        check(&[(deny, "bob"), (allow, "ann"), (deny, "*")], Some(2));
        check(&[(deny, "*"), (allow, "ann")], Some(1));
    }

    #[test]
    fn a_rule_says_where_it_stands() {
        let rule = Rule { verdict: Verdict::Deny, who: Who::default(), line: 31 };
        assert_eq!(rule.to_string(), "deny everybody (line 31 of the configuration)");
    }
}
