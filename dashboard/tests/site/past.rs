//! The past of features, users and hosts; tables as CSV; answers that are kept.

use axum::http::{Method, StatusCode};
use lic_protocol::view::{
    people::UserDetail,
    series::{HeatMap, Series},
};

use crate::stage::{Site, at, batch, check, checkout};

/// `ann` held CAC for a minute and holds it again; both are of the day that the log tells of.
#[tokio::test]
async fn the_past_of_a_feature_is_drawn() {
    let site = Site::full();
    let series: Series = site.api("/features/catia/CAC/series?range=hour").await;
    let seen: Vec<_> = series.points.iter().filter_map(|point| point.peak).collect();
    assert_eq!(seen, [1, 0, 1, 1], "from the first line to the last");
    assert_eq!((series.points.len(), series.lengths.sessions), (60, 1));
    assert_eq!(series.zone, "Europe/Stockholm");
    let map: HeatMap = site.api("/heatmap?server=catia&feature=CAC").await;
    let seen: Vec<_> = map.cells.iter().filter(|cell| cell.peak.is_some()).collect();
    assert_eq!(seen.len(), 1, "one hour of the week was seen");
    assert_eq!((seen[0].weekday, seen[0].hour, seen[0].peak), (1, 10, Some(1)));
    let page = site.get("/features/catia/CAC?range=hour").await.body;
    assert_eq!(page.matches("<td>Mon 2025-08-18").count(), series.points.len());
    assert!(page.contains("Monday 10:00: mean 0.8, peak 1"), "{page}");
    let ann: UserDetail = site.api("/users/ANN").await;
    let figures = ann.all.figures;
    assert_eq!((figures.active, figures.sessions, figures.features), (1, 2, 1));
    check(
        &site.get("/api/v1/heatmap").await,
        400,
        "application/problem+json",
        "server and feature",
    );
    check(&site.get("/users/nobody").await, 404, "text/html", "Nothing is known of a user");
    check(&site.get("/servers/none").await, 404, "text/html", "no license server");
}

#[tokio::test]
async fn tables_are_exported() {
    let site = Site::full();
    for (path, first) in [
        ("/sessions", "id,server,feature,version,user,host,display,count,"),
        ("/denials", "id,at,learned_at,server,feature,user,host,"),
        ("/events", "id,at,learned_at,kind,server,feature,user,host,count,reason,"),
        ("/features", "server,system,feature,version,vendor,issued,in_use,"),
        ("/servers", "name,system,zone,state,since,last_answer,"),
        ("/users", "user,hosts,active,sessions,session_hours,"),
        ("/hosts", "host,users,active,sessions,session_hours,"),
        ("/users/ann", "server,feature,active,sessions,"),
        ("/queue", "server,feature,user,host,count,since,place,"),
        ("/features/catia/CAC/series", "at,mean,peak"),
        ("/heatmap?server=catia&feature=CAC", "weekday,hour,mean,peak,observed_s"),
    ] {
        let joint = if path.contains('?') { '&' } else { '?' };
        let answer = site.get(&format!("/api/v1{path}{joint}format=csv")).await;
        check(&answer, 200, "text/csv", "\r\n");
        assert!(answer.body.starts_with(first), "{path}: {}", answer.body);
        assert!(answer.header("content-disposition").starts_with("attachment; filename=\""));
        let controls = answer.body.replace("\r\n", "");
        assert!(!controls.contains(char::is_control), "{path}: {}", answer.body);
    }
    check(
        &site.get("/api/v1/users?format=xml").await,
        400,
        "application/problem+json",
        "json or csv",
    );
}

/// Five seconds long, or until the databases change, an answer is the same for everybody.
#[tokio::test]
async fn an_answer_is_made_once_for_a_change() {
    let (site, change) = Site::changing();
    let first = site.get("/api/v1/users").await;
    let mut writer = site.writer();
    let late = vec![checkout("CAC", "zoe", "99")];
    let mut late = batch("catia", lic_protocol::view::Source::Log, late);
    late.events[0].identity.hash += 5_000_000;
    writer.commit(&[late], at(61)).expect("a commit");
    let second = site.get("/api/v1/users").await;
    assert_eq!(first.body, second.body, "no change was told");
    change.send_modify(|number| *number += 1);
    let third = site.get("/api/v1/users").await;
    assert!(third.body.contains("zoe"), "{}", third.body);
    assert_ne!(first.header("etag"), third.header("etag"));
}

#[tokio::test]
async fn who_has_the_answer_is_told_that_nothing_is_new() {
    let site = Site::full();
    for path in ["/api/v1/servers", "/sessions", "/api/v1/openapi.json"] {
        let whole = site.get(path).await;
        let tag = whole.header("etag").to_owned();
        assert_eq!(tag.len(), 18, "{path}: {tag}");
        let again = site.get_knowing(path, &tag).await;
        assert_eq!((again.status, again.body.as_str()), (StatusCode::NOT_MODIFIED, ""), "{path}");
        assert_eq!(again.header("etag"), tag);
        assert!(again.header("content-security-policy").starts_with("default-src 'none'"));
        let again = site.get_knowing(path, &format!("\"0\", W/{tag}")).await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{path}");
        let other = site.get_knowing(path, "\"0\"").await;
        assert_eq!((other.status, other.body), (StatusCode::OK, whole.body), "{path}");
        let head = site.ask(Method::HEAD, "localhost", path).await;
        assert_eq!((head.header("etag"), head.body.as_str()), (tag.as_str(), ""), "{path}");
    }
}
