//! denials.html over `api::denials`.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Html,
};
use lic_protocol::{
    event::ReasonClass,
    query::Which,
    view::{
        Denial, Denials,
        denied::{Denied, DeniedHour},
    },
};

use crate::{
    api::{self, Pairs},
    error::Error,
    filters,
    format::{self, Zones},
    link,
    pages::{Frame, print},
    query::{Asked, OF_A_LIST},
    state::App,
};

#[derive(Template)]
#[template(path = "denials.html")]
struct DenialsHtml {
    frame: Frame,
    view: Denials,
    /// On the first page of the list alone.
    sums: Option<Denied>,
    asked: Asked,
    zones: Zones,
}

/// `GET /denials`.
pub(crate) async fn page(
    State(app): State<App>,
    Query(pairs): Query<Pairs>,
) -> Result<Html<String>, Error> {
    let asked = Asked::understand(&pairs, OF_A_LIST)?;
    let json = link::list("/denials", &asked, None);
    let frame = Frame::new(&app, "denials", "Denials").with_export(&json);
    let filter = asked.filter.clone();
    let answer = app.ask(move |reader| {
        let is_first = filter.after.is_none();
        let sums = is_first.then(|| api::denied::view(reader, &filter)).transpose()?;
        Ok((api::denials::view(reader, &filter)?, sums, api::servers::view(reader)?))
    });
    let (view, sums, servers) = answer.await?;
    let sums = sums.filter(|_| !view.denials.is_empty());
    print(&DenialsHtml { frame, view, sums, asked, zones: Zones::of(&servers.servers) })
}

/// How high the bar of an hour is, in percent of the highest.
fn bar(sums: &Denied, hour: &DeniedHour) -> u64 {
    let most = sums.hours.iter().map(|hour| hour.denials).max();
    format::percent(hour.denials, most.unwrap_or(0))
}

impl DenialsHtml {
    fn first(&self) -> String {
        link::list("/denials", &self.asked, None)
    }

    fn next(&self) -> Option<String> {
        Some(link::list("/denials", &self.asked, Some(self.view.next.as_deref()?)))
    }
}

/// A reason in words.
pub(super) fn reason(denial: &Denial) -> String {
    denial.reason_class.word().replace('_', " ")
}

/// How much a reason should strike the eye: a lack of seats is for us to solve, the rest for somebody's rights.
pub(super) fn tone(denial: &Denial) -> &'static str {
    match denial.reason_class {
        ReasonClass::Exhausted => "bad",
        ReasonClass::Expired | ReasonClass::NotLicensed | ReasonClass::Version => "warn",
        ReasonClass::NotAuthorised | ReasonClass::Other => "calm",
    }
}
