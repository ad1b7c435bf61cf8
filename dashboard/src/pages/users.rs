//! users.html over `api::users`.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Html,
};
use lic_protocol::{query::Which, view::people::Users};

use crate::{
    api::{self, Pairs},
    error::Error,
    filters, format, link,
    pages::{Frame, print},
    query::{Asked, OF_PEOPLE},
    state::App,
};

#[derive(Template)]
#[template(path = "users.html")]
struct UsersHtml {
    frame: Frame,
    view: Users,
    asked: Asked,
}

/// `GET /users`.
pub(crate) async fn page(
    State(app): State<App>,
    Query(pairs): Query<Pairs>,
) -> Result<Html<String>, Error> {
    let asked = Asked::understand(&pairs, OF_PEOPLE)?;
    let json = link::list("/users", &asked, None);
    let frame = Frame::new(&app, "sessions", "Users").with_export(&json);
    let (filter, now) = (asked.filter.clone(), frame.now);
    let view = app.ask(move |reader| api::users::view(reader, &filter, now)).await?;
    print(&UsersHtml { frame, view, asked })
}
