//! The parts of a line by the groups of an expression that matched it, and the events they make.

use lic_protocol::{
    event::{Checkin, Checkout, Denial, EndReason, HandleOf, ReasonClass},
    name::{FeatureName, HostName, UserName},
    outcome::Outcome,
};
use regex::{Captures, Regex};

use crate::text::number;

/// What a host is called that the log does not tell.
const NO_HOST: &str = "-";

/// The groups of a match. One that is not there is empty.
pub(super) struct Parts<'a>(pub(super) Captures<'a>);

impl Parts<'_> {
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.name(name).map_or("", |found| found.as_str())
    }

    fn said(&self, name: &str) -> Option<String> {
        Some(self.get(name)).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    fn feature(&self) -> Option<FeatureName> {
        self.said("feature").map(FeatureName::new)
    }

    fn user(&self) -> Option<UserName> {
        self.said("user").map(UserName::new)
    }

    fn host(&self) -> HostName {
        HostName::new(self.said("host").unwrap_or_else(|| NO_HOST.to_owned()))
    }

    /// 1 where the line does not say; `None` where that is no number of seats.
    fn count(&self) -> Option<u32> {
        match self.get("count") {
            "" => Some(1),
            digits => number(digits).filter(|seats| *seats > 0),
        }
    }

    /// Without handles in the log, a holder's checkins end his checkouts in their order.
    fn handle(&self) -> Option<(String, HandleOf)> {
        match self.said("handle") {
            Some(handle) => Some((handle, HandleOf::Session)),
            None => Some((format!("{}@{}", self.user()?, self.host()), HandleOf::Holder)),
        }
    }

    pub(super) fn checkout(&self) -> Option<Checkout> {
        let (handle, handle_of) = self.handle()?;
        Some(Checkout {
            feature: self.feature()?,
            user: self.user()?,
            host: self.host(),
            count: self.count()?,
            handle,
            handle_of,
            seat: self.said("seat"),
            version: self.said("version"),
            vendor: None,
            unit: None,
            display: None,
            process: self.said("process"),
            project: self.said("project"),
        })
    }

    pub(super) fn checkin(&self) -> Option<Checkin> {
        let (handle, handle_of) = self.handle()?;
        Some(Checkin {
            feature: self.feature()?,
            handle,
            handle_of,
            count: Some(self.count()?),
            user: self.user()?,
            host: self.host(),
            reason: EndReason::Checkin,
            ended_before: None,
            outcome: Outcome::default(),
        })
    }

    pub(super) fn denial(&self, exhausted: Option<&Regex>) -> Option<Denial> {
        let reason = self.get("reason").to_owned();
        let is_exhausted = exhausted.is_some_and(|exhausted| exhausted.is_match(&reason));
        let class = if is_exhausted { ReasonClass::Exhausted } else { ReasonClass::Other };
        Some(Denial {
            feature: self.feature()?,
            user: self.user()?,
            host: self.host(),
            count: self.count()?,
            tries: 1,
            reason,
            class,
            process: self.said("process"),
        })
    }
}
