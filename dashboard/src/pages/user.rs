//! user.html over `api::user`, with what the user holds now, held lately, and was refused.

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    response::Html,
};
use lic_protocol::{
    name::UserName,
    query::{Filter, LIMIT_MAX, Which},
    view::{Denials, Sessions, people::UserDetail},
};

use crate::{
    api::{self, Pairs},
    error::Error,
    filters,
    format::{self, Zones},
    link,
    pages::{Frame, print},
    query::{Asked, OF_A_USER},
    state::App,
};

/// Sessions and denials shown of the past.
const ROWS_SHOWN: u32 = 10;

#[derive(Template)]
#[template(path = "user.html")]
struct UserHtml {
    frame: Frame,
    user: UserName,
    view: UserDetail,
    held: Sessions,
    ended: Sessions,
    denials: Denials,
    zones: Zones,
}

/// `GET /users/{user}`.
pub(crate) async fn page(
    State(app): State<App>,
    Path(user): Path<UserName>,
    Query(pairs): Query<Pairs>,
) -> Result<Html<String>, Error> {
    let asked = Asked::understand(&pairs, OF_A_USER)?;
    let json = link::list(&link::user(&user), &asked, None);
    let frame = Frame::new(&app, "sessions", &format::shown(user.as_str())).with_export(&json);
    let missing = api::user::not_found(&user);
    let all = Filter { user: Some(user.clone()), ..asked.filter };
    let some = Filter { limit: ROWS_SHOWN, ..all.clone() };
    let now = frame.now;
    let answer = app.ask(move |reader| {
        let Some(view) = api::user::view(reader, &all, now)? else { return Ok(None) };
        let held = Filter { limit: LIMIT_MAX, ..all };
        Ok(Some(UserHtml {
            frame,
            user,
            view,
            held: api::sessions::view(reader, Which::Active, &held)?,
            ended: api::sessions::view(reader, Which::Ended, &some)?,
            denials: api::denials::view(reader, &some)?,
            zones: Zones::of(&api::servers::view(reader)?.servers),
        }))
    });
    print(&answer.await?.ok_or(missing)?)
}
