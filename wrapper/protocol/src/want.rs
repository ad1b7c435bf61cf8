//! What is asked for and what is held: seats of features. A choice names several features of which one will do.

use crate::pairs::{Malformed, push_decimal};

/// Most features in one request, alternatives included.
pub const WANTS_MAX: usize = 16;
/// Stands between the alternatives of a choice; no tool's name may hold it.
pub const OR: &str = " || ";

/// So many seats of a feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// The feature.
    pub feature: String,
    /// Seats, at least 1.
    pub count: u32,
}

/// Seats of a feature as they are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The feature.
    pub feature: String,
    /// Seats, at least 1; `None`: as many as a run takes by its configuration.
    pub count: Option<u32>,
}

/// Wishes of which one will do, the dearest first; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// In the order in which they are tried.
    pub alternatives: Vec<Wish>,
}

impl Want {
    /// Reads `NAME` or `NAME:N`; one seat where no number is named.
    ///
    /// # Errors
    /// [`Malformed`] when the name is empty or N is not a number from 1.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        Wish::parse(text).map(|wish| Self { feature: wish.feature, count: wish.count.unwrap_or(1) })
    }

    /// The want as `NAME:N`, which [`Want::parse`] reads.
    #[must_use]
    pub fn shown(&self) -> String {
        shown(&self.feature, Some(self.count))
    }
}

impl Wish {
    /// Reads `NAME` or `NAME:N`.
    ///
    /// # Errors
    /// As [`Want::parse`].
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let (feature, count) = match text.rsplit_once(':') {
            Some((feature, count)) => {
                let count =
                    count.parse().map_err(|_| Malformed("a number of seats follows `:`"))?;
                (feature, Some(count))
            }
            None => (text, None),
        };
        if feature.is_empty() || count == Some(0) {
            return Err(Malformed("a feature has a name and at least one seat"));
        }
        Ok(Self { feature: feature.to_owned(), count })
    }
}

impl Choice {
    /// Reads `NAME[:N]`, or several with ` || ` between them.
    ///
    /// # Errors
    /// As [`Want::parse`].
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let alternatives = text.split(OR).map(Wish::parse).collect::<Result<_, _>>()?;
        Ok(Self { alternatives })
    }

    /// A feature, and as many seats of it as a run takes.
    #[must_use]
    pub fn of(feature: &str) -> Self {
        let wish = Wish { feature: feature.to_owned(), count: None };
        Self { alternatives: vec![wish] }
    }

    /// The choice as [`Choice::parse`] reads it.
    #[must_use]
    pub fn shown(&self) -> String {
        let alternatives = self.alternatives.iter().map(|wish| shown(&wish.feature, wish.count));
        alternatives.collect::<Vec<_>>().join(OR)
    }
}

/// Every feature that is named.
pub fn wishes(choices: &[Choice]) -> impl Iterator<Item = &Wish> {
    choices.iter().flat_map(|choice| &choice.alternatives)
}

fn shown(feature: &str, count: Option<u32>) -> String {
    let mut text = String::with_capacity(feature.len() + 4);
    text.push_str(feature);
    if let Some(count) = count {
        text.push(':');
        push_decimal(&mut text, u64::from(count));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_there_and_back() {
        for (text, expected) in [
            ("a", &[("a", None)][..]),
            ("a:2", &[("a", Some(2))]),
            ("a || b:2", &[("a", None), ("b", Some(2))]),
            ("a:b:1 || c", &[("a:b", Some(1)), ("c", None)]),
            ("a||b", &[("a||b", None)]),
            ("a || b || c", &[("a", None), ("b", None), ("c", None)]),
        ] {
            let choice = Choice::parse(text).unwrap();
            let found: Vec<_> =
                choice.alternatives.iter().map(|w| (&*w.feature, w.count)).collect();
            assert_eq!(found, expected, "{text}");
            assert_eq!(choice.shown(), text);
        }
        for text in ["", "a || ", " || a", "a:0", "a:x || b", ":1"] {
            assert!(Choice::parse(text).is_err(), "{text:?}");
        }
    }
}
