//! One user: everything used, feature by feature.

use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use jiff::Timestamp;
use lic_protocol::{name::UserName, query::Filter, view::people::UserDetail};
use lic_store::{error::StoreError, read::Reader};

use crate::{
    api::Pairs,
    error::Error,
    export::{self, Form},
    format::shown,
    query::{Asked, OF_A_USER},
    state::App,
};

/// What the user that `filter` names used, or `None` when nothing is known of that name.
pub(crate) fn view(
    reader: &Reader,
    filter: &Filter,
    now: Timestamp,
) -> Result<Option<UserDetail>, StoreError> {
    reader.user(filter, now)
}

/// The failure of asking for a user who is not known.
pub(crate) fn not_found(user: &UserName) -> Error {
    let user = shown(user.as_str());
    Error::NotFound(format!("Nothing is known of a user \"{user}\" in the time asked for."))
}

/// `GET /api/v1/users/{user}`.
pub(crate) async fn json(
    State(app): State<App>,
    Path(user): Path<UserName>,
    Query(pairs): Query<Pairs>,
) -> Result<Response, Error> {
    let (form, pairs) = Form::take(pairs)?;
    let missing = not_found(&user);
    let (asked, now) = (Asked::understand(&pairs, OF_A_USER)?, app.now());
    let filter = Filter { user: Some(user), ..asked.filter };
    let found = app.ask(move |reader| view(reader, &filter, now)).await?.ok_or(missing)?;
    export::answer(form, "user", &found, &found.by_feature)
}
