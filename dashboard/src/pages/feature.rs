//! feature.html over `api::feature`, with who holds it, who waits, who was refused, and how it was used over time.

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    response::Html,
};
use jiff::{SignedDuration, Timestamp};
use lic_analytics::series::Reach;
use lic_protocol::{
    name::{FeatureName, ServerName},
    query::{Filter, LIMIT_DEFAULT, Which},
    view::{
        Denials, FeatureHistory, QueuedFeature, Source,
        people::Users,
        series::{HeatMap, LengthBucket, Series},
    },
};
use lic_store::{error::StoreError, read::Reader};

use crate::{
    api::{self, Pairs, series::Window},
    busy::Busy,
    chart::{
        heat::{self, Day},
        steps::{Steps, reach_words, step_words},
    },
    error::Error,
    filters,
    format::{self, Zones},
    link,
    pages::{Frame, Notice, print, tracing_notice},
    query::{Asked, OF_A_SERIES},
    state::App,
};

/// Denials, and users, shown beside the holders.
const ROWS_SHOWN: u32 = 10;
/// Of how long the users are shown: they are summed up of sessions one by one, of which there may be any number.
const USERS_BACK: SignedDuration = SignedDuration::from_hours(31 * 24);

#[derive(Template)]
#[template(path = "feature.html")]
struct FeatureHtml {
    frame: Frame,
    view: FeatureHistory,
    seats: QueuedFeature,
    denials: Denials,
    notice: Option<Notice>,
    past: Option<Past>,
    asked: Asked,
    reach: Reach,
    zones: Zones,
}

/// How a feature was used; there only where holding can be seen.
struct Past {
    series: Series,
    steps: Steps,
    heat: HeatMap,
    /// Since when the users are told.
    users_from: Timestamp,
    users: Users,
}

/// `GET /features/{server}/{feature}`.
pub(crate) async fn page(
    State(app): State<App>,
    Path((server, feature)): Path<(ServerName, FeatureName)>,
    Query(pairs): Query<Pairs>,
) -> Result<Html<String>, Error> {
    let asked = Asked::understand(&pairs, OF_A_SERIES)?;
    let json = link::feature(&server, &feature);
    let frame = Frame::new(&app, "overview", &format::shown(feature.as_str())).with_json(&json);
    let missing = api::feature::not_found(&server, &feature);
    let of_it = |limit| Filter {
        server: Some(server.clone()),
        feature: Some(feature.clone()),
        limit,
        ..Filter::default()
    };
    let (all, some) = (of_it(LIMIT_DEFAULT), of_it(ROWS_SHOWN));
    let reach = asked.reach.unwrap_or_default();
    let window = Window { reach, to: asked.filter.to, now: frame.now };
    let answer = app.ask(move |reader| {
        let Some(view) = api::feature::view(reader, &server, &feature)? else { return Ok(None) };
        let mut seats = api::queue::view(reader, &all, window.now)?.features;
        let Some(seats) = seats.pop() else { return Ok(None) };
        Ok(Some(FeatureHtml {
            past: past(reader, &view, window, &some)?,
            frame,
            seats,
            denials: api::denials::view(reader, &some)?,
            notice: api::server::view(reader, &server)?.as_ref().and_then(tracing_notice),
            zones: Zones::of(&api::servers::view(reader)?.servers),
            view,
            asked,
            reach,
        }))
    });
    print(&answer.await?.ok_or(missing)?)
}

/// How the feature of `view` was used, and by whom; `None` where holding cannot be seen.
fn past(
    reader: &Reader,
    view: &FeatureHistory,
    window: Window,
    of_it: &Filter,
) -> Result<Option<Past>, StoreError> {
    let Some(server) = api::server::view(reader, &view.now.server)? else { return Ok(None) };
    if view.now.in_use.is_none() {
        return Ok(None);
    }
    let series = api::series::view(reader, &server, &view.now, window)?;
    let heat = api::heatmap::view(reader, &server, &view.now, &(None..None), window.now)?;
    let users_from = heat.to.checked_sub(USERS_BACK).unwrap_or(heat.from).max(heat.from);
    let users = Filter { from: Some(users_from), ..of_it.clone() };
    let users = api::users::view(reader, &users, window.now)?;
    Ok(Some(Past { steps: Steps::of(&series, window.reach), series, heat, users_from, users }))
}

impl FeatureHtml {
    fn path(&self) -> String {
        link::feature(&self.view.now.server, &self.view.now.feature)
    }

    /// The choices of a reach: address, words, whether it is this one.
    fn reaches(&self) -> Vec<(String, &'static str, bool)> {
        let choice = |reach: Reach| {
            let asked = self.asked.with("range", reach.word());
            (link::list(&self.path(), &asked, None), reach_words(reach), reach == self.reach)
        };
        Reach::ALL.map(choice).to_vec()
    }

    /// The same as long, and just before.
    fn earlier(&self, from: &Timestamp) -> String {
        let asked = self.asked.with("to", &lic_protocol::time::rfc3339(*from));
        link::list(&self.path(), &asked, None)
    }

    /// The same up to now, where this is not.
    fn latest(&self) -> Option<String> {
        self.asked.filter.to?;
        Some(link::list(&self.path(), &self.asked.without("to"), None))
    }

    /// The same series as a document.
    fn series_json(&self) -> String {
        let path = format!("/api/v1{}/series", self.path());
        link::list(&path, &self.asked, None)
    }

    fn step_words(&self) -> &'static str {
        step_words(self.reach)
    }

    fn series_csv(&self) -> String {
        link::and(&self.series_json(), "format", "csv")
    }

    fn heat_csv(&self) -> String {
        let now = &self.view.now;
        link::and(&link::heatmap(&now.server, &now.feature), "format", "csv")
    }
}

impl Past {
    fn days(&self) -> Vec<Day<'_>> {
        heat::days(&self.heat)
    }

    /// How long a bar of the lengths is, in percent of the longest.
    fn bar(&self, bucket: &LengthBucket) -> u64 {
        let most = self.series.lengths.buckets.iter().map(|bucket| bucket.sessions).max();
        format::percent(bucket.sessions, most.unwrap_or(0))
    }
}

/// The lengths in a bucket, in words.
fn bucket_words(bucket: &LengthBucket) -> String {
    let words = |seconds: u64| match seconds {
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    };
    match (bucket.from_s, bucket.to_s) {
        (0, Some(to)) => format!("under {}", words(to)),
        (from, Some(to)) => format!("{} to {}", words(from), words(to)),
        (from, None) => format!("{} and more", words(from)),
    }
}
