//! search.html over `api::search`.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Html,
};
use lic_protocol::{
    query::Which,
    view::search::{FOUND_MAX, Found},
};

use crate::{
    api::{self, Pairs},
    error::Error,
    filters, link,
    pages::{Frame, print},
    query::{Asked, OF_A_SEARCH},
    state::App,
};

#[derive(Template)]
#[template(path = "search.html")]
struct SearchHtml {
    frame: Frame,
    view: Found,
}

/// `GET /search`.
pub(crate) async fn page(
    State(app): State<App>,
    Query(pairs): Query<Pairs>,
) -> Result<Html<String>, Error> {
    let asked = Asked::understand(&pairs, OF_A_SEARCH)?;
    let json = link::list("/search", &asked, None);
    let frame = Frame::new(&app, "", "Search").with_json(&json);
    let text = asked.text("q").trim().to_owned();
    let frame = Frame { searched: text.clone(), ..frame };
    let view = app.ask(move |reader| api::search::view(reader, &text)).await?;
    print(&SearchHtml { frame, view })
}

impl SearchHtml {
    fn is_empty(&self) -> bool {
        let Found { features, servers, users, hosts } = &self.view;
        features.is_empty() && servers.is_empty() && users.is_empty() && hosts.is_empty()
    }

    /// Whether there may be more than is shown.
    fn is_cut(&self) -> bool {
        let Found { features, servers, users, hosts } = &self.view;
        [features.len(), servers.len(), users.len(), hosts.len()].contains(&FOUND_MAX)
    }
}
