//! sessions.html over `api::sessions`.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Html,
};
use lic_protocol::{
    query::Which,
    view::{Session, Sessions, Source},
};

use crate::{
    api::{self, Pairs},
    error::Error,
    filters,
    format::{self, Zones},
    link,
    pages::{Frame, print},
    query::{self, Asked, OF_SESSIONS},
    state::App,
};

#[derive(Template)]
#[template(path = "sessions.html")]
struct SessionsHtml {
    frame: Frame,
    view: Sessions,
    asked: Asked,
    which: Which,
    zones: Zones,
}

/// `GET /sessions`: those held now, unless the address says otherwise.
pub(crate) async fn page(
    State(app): State<App>,
    Query(pairs): Query<Pairs>,
) -> Result<Html<String>, Error> {
    let asked = Asked::understand(&pairs, OF_SESSIONS)?;
    let which = asked.which.unwrap_or(Which::Active);
    let json = link::list("/sessions", &asked.with_state(which), None);
    let frame = Frame::new(&app, "sessions", "Sessions").with_export(&json);
    let filter = asked.filter.clone();
    let answer = app.ask(move |reader| {
        Ok((api::sessions::view(reader, which, &filter)?, api::servers::view(reader)?))
    });
    let (view, servers) = answer.await?;
    print(&SessionsHtml { frame, view, asked, which, zones: Zones::of(&servers.servers) })
}

impl SessionsHtml {
    /// The choices of sessions: address, words, whether it is this one.
    fn choices(&self) -> Vec<(String, &'static str, bool)> {
        let choices = [(Which::Active, "Held now"), (Which::Ended, "Ended"), (Which::All, "All")];
        let choice = |(which, words)| {
            let href = link::list("/sessions", &self.asked.with_state(which), None);
            (href, words, which == self.which)
        };
        choices.map(choice).to_vec()
    }

    fn state_word(&self) -> &'static str {
        query::state_word(self.which)
    }

    fn first(&self) -> String {
        link::list("/sessions", &self.asked, None)
    }

    fn next(&self) -> Option<String> {
        Some(link::list("/sessions", &self.asked, Some(self.view.next.as_deref()?)))
    }

    fn cleared(&self) -> String {
        format!("/sessions?state={}", self.state_word())
    }
}

/// How a session ended, in words.
pub(super) fn ending(session: &Session) -> String {
    let reason = session.end_reason.map_or("ended", |reason| reason.word()).replace('_', " ");
    match (session.exit_status, session.exit_signal) {
        (_, Some(signal)) => format!("{reason}, signal {signal}"),
        (Some(status), None) if status != 0 => format!("{reason}, status {status}"),
        _ => reason,
    }
}
