//! `/metrics`: the overview as Prometheus reads it. What is not known has no sample, so nothing here is 0 that was not seen to
//! be. Labels are names of license servers and features alone: no user, no host.
//!
//! Source: Prometheus, Exposition formats, "Text-based format", version 0.0.4.

mod labels;
mod page;

use std::collections::HashMap;

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use lic_protocol::{
    name::{FeatureName, ServerName},
    view::{Feature, Overview, Server, ServerState},
};
use lic_store::{error::StoreError, read::Reader};

use self::{
    labels::{Labels, Shares},
    page::{Kind, Page},
};
use crate::{api::overview, error::Error, state::App};

const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A figure of each feature: its name, what it is, and how it is read. Those beyond the limit of labels are summed in one.
const OF_FEATURES: [(&str, &str, OfFeature); 6] = [
    ("licmon_seats_issued", "Seats bought, where the license system says.", |feature| {
        feature.issued
    }),
    ("licmon_seats_in_use", "Seats held, where holding can be seen.", |feature| feature.in_use),
    (
        "licmon_seats_unwrapped",
        "Seats in use that only runs without licwrap take, where such a run was seen.",
        |feature| feature.unwrapped,
    ),
    ("licmon_seats_reserved", "Seats set aside.", |feature| feature.reserved),
    ("licmon_sessions", "Sessions open; several may share a seat.", |feature| feature.sessions),
    ("licmon_queued", "Waiting requests, where the license system says.", |feature| feature.queued),
];

/// A figure of each license server.
const OF_SERVERS: [(&str, &str, OfServer); 5] = [
    (
        "licmon_server_last_answer_timestamp_seconds",
        "The newest time in anything it wrote or answered.",
        |server| server.last_answer.map(|at| at.as_duration().as_secs_f64()),
    ),
    ("licmon_server_response_seconds", "How long its last answer took.", |server| {
        server.response_ms.map(|response_ms| response_ms / 1000.0)
    }),
    (
        "licmon_server_unreadable",
        "1 where licmon cannot read it or a file of it now; `licmon servers` says why.",
        |server| {
            let files = server.sources.iter().filter_map(|source| source.error.as_ref());
            Some(truth(server.error.iter().chain(files).next().is_some()))
        },
    ),
    ("licmon_server_usage_visible", "0 where its log shows no checkouts.", |server| {
        server.usage_visible.map(truth)
    }),
    ("licmon_server_denials_visible", "0 where its log shows no denials.", |server| {
        server.denials_visible.map(truth)
    }),
];

const STATES: [ServerState; 4] =
    [ServerState::Up, ServerState::Degraded, ServerState::Down, ServerState::Unknown];

type OfFeature = fn(&Feature) -> Option<u32>;
type OfServer = fn(&Server) -> Option<f64>;

/// `GET /metrics`.
///
/// # Errors
/// When the databases cannot be read: a scrape that fails says so, where old figures would not.
pub(crate) async fn text(State(app): State<App>) -> Result<Response, Error> {
    let (now, is_watched) = (app.now(), app.is_watched());
    let answer = app.ask(move |reader| {
        let overview = overview::view(reader, now)?;
        let denials = denials(reader, &overview)?;
        Ok((overview, denials))
    });
    let (overview, denials) = answer.await?;
    let text = exposition(&overview, &denials, is_watched);
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response())
}

/// How often checkouts of a feature were refused so far.
type Denials = HashMap<(ServerName, FeatureName), u64>;

/// Those of every feature of which denials can be seen, or were.
fn denials(reader: &Reader, overview: &Overview) -> Result<Denials, StoreError> {
    let visible = overview.servers.iter().filter(|server| server.denials_visible == Some(true));
    let visible: Vec<&ServerName> = visible.map(|server| &server.name).collect();
    let features = overview.features.iter().filter(|feature| visible.contains(&&feature.server));
    let none = features.map(|feature| ((feature.server.clone(), feature.feature.clone()), 0));
    let some = reader.denied_of_all()?.into_iter();
    Ok(none.chain(some.map(|of| ((of.server, of.feature), of.denials))).collect())
}

/// The whole page. `is_watched` says whether a licmon runs.
fn exposition(overview: &Overview, denials: &Denials, is_watched: bool) -> String {
    let mut page = Page::default();
    page.family("licdash_build_info", Kind::Gauge, "The version of licdash that says this.");
    page.sample(&Labels::none().and("version", env!("CARGO_PKG_VERSION")), 1);
    let help = "1 while a licmon runs that keeps these figures up to date.";
    page.family("licmon_running", Kind::Gauge, help);
    page.sample(&Labels::none(), truth(is_watched));
    let features = Shares::of_features(&overview.features);
    tell_features(&mut page, &features, overview);
    tell_denials(&mut page, &features, denials);
    let servers = Shares::of_servers(&overview.servers);
    tell_servers(&mut page, &servers, overview);
    page.into_text()
}

fn tell_features(page: &mut Page, shares: &Shares<Feature>, overview: &Overview) {
    page.family("licmon_features", Kind::Gauge, "Features there are.");
    page.sample(&Labels::none(), overview.features.len());
    let help = "Features that have no labels of their own, as there are too many or their names do not fit: \
                they are summed in {feature=\"other\"}, where the figure is known of each.";
    page.family("licmon_features_other", Kind::Gauge, help);
    page.sample(&Labels::none(), shares.others.len());
    for (name, help, value) in OF_FEATURES {
        page.family(name, Kind::Gauge, help);
        for (labels, feature) in &shares.named {
            page.sample_if_known(labels, value(feature));
        }
        if !shares.others.is_empty() {
            // A sum over some that are not known would be less than it is.
            let seats = shares.others.iter().map(|feature| value(feature).map(u64::from));
            page.sample_if_known(&Labels::other(), seats.sum::<Option<u64>>());
        }
    }
    let help = "1 where there is no limit to count against.";
    page.family("licmon_feature_uncounted", Kind::Gauge, help);
    for (labels, feature) in &shares.named {
        page.sample(labels, truth(feature.uncounted));
    }
    let help = "When the license ends, where that is known.";
    page.family("licmon_feature_expires_timestamp_seconds", Kind::Gauge, help);
    for (labels, feature) in &shares.named {
        page.sample_if_known(labels, feature.expires.map(|at| at.as_duration().as_secs_f64()));
    }
}

fn tell_denials(page: &mut Page, shares: &Shares<Feature>, denials: &Denials) {
    let help = "Checkouts refused so far, every try, where that can be seen; what is learned late is added when it is.";
    page.family("licmon_denials_total", Kind::Counter, help);
    let of = |feature: &Feature| {
        denials.get(&(feature.server.clone(), feature.feature.clone())).copied()
    };
    for (labels, feature) in &shares.named {
        page.sample_if_known(labels, of(feature));
    }
    if !shares.others.is_empty() {
        let others = shares.others.iter().map(|feature| of(feature));
        page.sample_if_known(&Labels::other(), others.sum::<Option<u64>>());
    }
}

fn tell_servers(page: &mut Page, shares: &Shares<Server>, overview: &Overview) {
    page.family("licmon_servers", Kind::Gauge, "License servers there are.");
    page.sample(&Labels::none(), overview.servers.len());
    let help = "License servers that are not told of one by one, as there are too many or their names do not fit.";
    page.family("licmon_servers_other", Kind::Gauge, help);
    page.sample(&Labels::none(), shares.others.len());
    let help = "1 for the state that a license server is in, as far as is known.";
    page.family("licmon_server_state", Kind::Gauge, help);
    for (labels, server) in &shares.named {
        for state in STATES {
            page.sample(&labels.clone().and("state", state.word()), truth(server.state == state));
        }
    }
    for (name, help, value) in OF_SERVERS {
        page.family(name, Kind::Gauge, help);
        for (labels, server) in &shares.named {
            page.sample_if_known(labels, value(server));
        }
    }
    let help = "Lines read of its logs, by what was made of them.";
    page.family("licmon_server_lines_total", Kind::Counter, help);
    for (labels, server) in &shares.named {
        let read = &server.coverage;
        for (kind, lines) in
            [("event", read.events), ("noise", read.noise), ("unknown", read.unknown)]
        {
            page.sample(&labels.clone().and("kind", kind), lines);
        }
    }
}

fn truth(is_so: bool) -> f64 {
    if is_so { 1.0 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use lic_protocol::view::Source;

    use super::*;

    fn feature(name: usize, in_use: Option<u32>) -> Feature {
        Feature {
            server: "catia".into(),
            system: "dsls".to_owned(),
            feature: format!("F{name:04}").as_str().into(),
            version: None,
            vendor: None,
            issued: Some(10),
            in_use,
            unwrapped: None,
            reserved: None,
            queued: None,
            sessions: in_use,
            expires: None,
            uncounted: false,
            as_of: None,
            source: Source::Log,
            mode: None,
        }
    }

    /// One feature more than has labels, and one more that holds so many.
    #[track_caller]
    fn check(in_use: Option<u32>, expected: &str) {
        let most = (0..=labels::FEATURES_MAX).map(|name| feature(name, Some(1)));
        let features: Vec<Feature> = most.chain([feature(9999, in_use)]).collect();
        let overview = Overview { as_of: Timestamp::UNIX_EPOCH, features, servers: Vec::new() };
        let text = exposition(&overview, &Denials::new(), true);
        let of = |name: &str| {
            let lines = text.lines().filter(|line| line.starts_with(&format!("{name}{{")));
            lines.count()
        };
        let others: Vec<&str> = text.lines().filter(|line| line.contains("other")).collect();
        let others: Vec<&str> = others.into_iter().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(others.join(" | "), expected);
        assert_eq!(of("licmon_seats_issued"), labels::FEATURES_MAX + 1);
        assert_eq!(of("licmon_seats_reserved"), 0);
        assert_eq!(of("licmon_queued"), 0);
    }

    #[test]
    fn features_beyond_the_limit_are_summed_where_all_are_known() {
        check(
            Some(4),
            "licmon_features_other 2 | licmon_seats_issued{feature=\"other\"} 20 | \
             licmon_seats_in_use{feature=\"other\"} 5 | licmon_sessions{feature=\"other\"} 5 | licmon_servers_other 0",
        );
        check(
            None,
            "licmon_features_other 2 | licmon_seats_issued{feature=\"other\"} 20 | licmon_servers_other 0",
        );
    }
}
