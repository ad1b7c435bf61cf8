//! Every route of the API gives the document that its command prints, on a site with all there can be.

use std::{
    collections::BTreeSet,
    process::{Child, Stdio},
};

use jiff::tz::TimeZone;
use lic_protocol::view::{FeatureHistory, Features, Sessions, Waiters};
use lic_tests::{
    site::Site,
    vendor::{Vendor, moment},
    wait,
};
use serde_json::Value;

const TOOLS: &str = r#"
[[tool]]
name = "urgent"
seats = 1
priority = [{ class = 2, project = "p2" }]

[[tool]]
name = "one"
seats = 1

[[tool]]
name = "free"
seats = "unlimited"
"#;

/// Minutes of log: more sessions than a page of 7 or of the default 100 has.
const MINUTES: usize = 130;

/// A site with holders, ended sessions of both kinds, denials, a line nobody understands, and a tool not run yet.
fn site() -> Site {
    let mut site = Site::with_log(TOOLS);
    let mut vendor = Vendor::new(7, TimeZone::UTC);
    let file = vendor.file_name(moment(0));
    let mut log = vendor.banner(moment(0));
    for (number, second) in (0..MINUTES).zip((60..).step_by(60)) {
        log += &vendor.grant(moment(second), number % 7, number % 3);
        log += &vendor.denial(moment(second), number % 5, number % 4, "no more available license");
        match number % 3 {
            0 => log += &vendor.detach(moment(second + 1)).unwrap_or_default(),
            1 => log += &vendor.time_out(moment(second + 1)).unwrap_or_default(),
            _ => {}
        }
    }
    log += "a line that nobody understands\n";
    site.append(&file, &log);
    site.start();
    wait::until("the log is read", || {
        site.server().is_some_and(|server| server.coverage.unknown == 1)
    });
    site
}

/// The document of a command and of its route. The overview alone says when it was asked for.
fn both(site: &Site, command: &[&str], route: &str) -> [Value; 2] {
    let mut documents = [site.json::<Value>(command), site.api::<Value>(route)];
    if route == "/overview" {
        for document in &mut documents {
            let asked = document.as_object_mut().and_then(|document| document.remove("as_of"));
            assert!(asked.is_some_and(|asked| asked.is_string()));
        }
    }
    documents
}

#[track_caller]
fn check(site: &Site, command: &str, route: &str, rows: &str) {
    let command: Vec<&str> = command.split(' ').collect();
    let [said, answered] = both(site, &command, route);
    assert_eq!(said, answered, "{command:?} and {route}");
    assert_ne!(said[rows].as_array().expect("rows").len(), 0, "{route} has {rows}");
}

#[test]
fn commands_and_routes_agree() {
    let mut site = site();
    let run = |feature: &str| {
        let mut licwrap = site.licwrap(&["-f", feature, "-P", "p", "--", "cat"]);
        licwrap.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("licwrap starts")
    };
    let mut runs = vec![run("one")];
    wait::until("it runs", || {
        site.active().iter().any(|session| session.server.as_str() == "local")
    });
    runs.push(run("one"));
    wait::until("the second waits", || site.queue().len() == 1);
    // Nothing moves between a command and its route.
    site.kill_licmon();

    check(&site, "status", "/overview", "features");
    check(&site, "status", "/overview", "servers");
    check(&site, "features", "/features", "features");
    check(&site, "features --feature CAC", "/features?feature=CAC", "features");
    check(&site, "sessions", "/sessions", "sessions");
    check(&site, "sessions --active", "/sessions?state=active", "sessions");
    check(&site, "sessions --ended", "/sessions?state=ended", "sessions");
    let narrow =
        "--user ALINDQVIST --from 2025-11-03T08:30:00Z --to 2025-11-03T09:30:00Z --limit 3";
    let narrow_route = "user=ALINDQVIST&from=2025-11-03T08:30:00Z&to=2025-11-03T09:30:00Z&limit=3";
    check(&site, &format!("sessions {narrow}"), &format!("/sessions?{narrow_route}"), "sessions");
    check(&site, &format!("denials {narrow}"), &format!("/denials?{narrow_route}"), "denials");
    check(&site, "denials", "/denials", "denials");
    check(&site, "queue", "/queue", "queue");
    check(&site, "queue", "/queue", "features");
    check(&site, "servers", "/servers", "servers");

    let queue = site.api::<Waiters>("/queue");
    let one = queue.features.iter().find(|row| row.now.feature.as_str() == "one").expect("a tool");
    assert_eq!((one.now.in_use, one.free, &one.waiting), (Some(1), Some(0), &queue.queue));
    let [holder] = &one.holders[..] else { panic!("one holder: {:?}", one.holders) };
    let lease = holder.handle.as_deref().expect("a lease");
    let page = site.get("/queue").body;
    assert!(page.contains(&format!("lease {lease}")), "{lease} on {page}");
    assert_eq!(page.matches("data-label=\"Place\"").count(), 1, "{page}");
    let table = site.run_licmon(&["queue"]);
    let table = String::from_utf8(table.stdout).expect("text");
    let words = ["SET ASIDE", "not known yet", lease, holder.user.as_str(), "no limit"];
    assert!(words.iter().all(|word| table.contains(word)), "{table}");

    for feature in site.api::<Features>("/features").features {
        let route = format!("/features/{}/{}", feature.now.server, feature.now.feature);
        assert_eq!(site.api::<FeatureHistory>(&route), feature, "{route}");
    }
    runs.iter_mut().for_each(end);
}

#[test]
fn places_are_those_in_which_the_waiters_are_served() {
    let mut site = Site::without_log(TOOLS);
    site.start();
    let run = |project: &str| {
        let mut licwrap = site.licwrap(&["-f", "urgent", "-P", project, "--", "cat"]);
        licwrap.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("licwrap starts")
    };
    let mut holder = run("p0");
    wait::until("it runs", || site.active().len() == 1);
    let mut waiting = Vec::new();
    for project in ["p0", "p1", "p2"] {
        waiting.push(run(project));
        wait::until("one more waits", || site.queue().len() == waiting.len());
    }
    let queue = site.queue();
    assert_eq!(queue.iter().map(|waiter| waiter.place).collect::<Vec<_>>(), [1, 2, 3]);
    let first = queue.iter().min_by_key(|waiter| waiter.since).expect("they wait");
    assert_eq!((queue[0].place, first.place), (1, 2), "the last to come is the first: {queue:?}");
    assert!(queue[0].since > queue[2].since, "{queue:?}");
    assert_eq!(site.json::<Waiters>(&["queue"]).queue, queue);
    for (project, place) in [("p1", "place 4"), ("p2", "place 2")] {
        let explain = ["--explain", "-f", "urgent", "-P", project, "--", "cat"];
        let told = site.licwrap(&explain).output().expect("licwrap runs");
        let told = lic_tests::site::shown(&told);
        assert!(told.contains(place), "{project}: {told}");
    }
    // The next licmon has the same order, and serves it.
    site.kill_licmon();
    site.start_licmon();
    assert_eq!(site.queue(), queue);
    end(&mut holder);
    wait::until("the next runs", || {
        let runs = site.active();
        runs.len() == 1 && runs[0].project.as_deref() == Some("p2")
    });
    waiting.iter_mut().for_each(end);
}

fn end(run: &mut Child) {
    run.kill().expect("it runs");
    run.wait().expect("it ran");
}

#[test]
fn pages_of_a_list_agree_and_are_whole() {
    let site = site();
    let mut after = String::new();
    let mut ids = Vec::new();
    loop {
        let mut command = vec!["sessions", "--limit", "7"];
        let mut route = "/sessions?limit=7".to_owned();
        if !after.is_empty() {
            command.extend(["--after", &after]);
            route = format!("{route}&after={after}");
        }
        let [said, answered] = both(&site, &command, &route);
        assert_eq!(said, answered, "{route}");
        let page: Sessions = serde_json::from_value(said).expect("a page");
        assert!(page.next.is_none() || page.sessions.len() == 7);
        ids.extend(page.sessions.iter().map(|session| session.id));
        match page.next {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!(ids.len(), MINUTES);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), MINUTES, "nobody twice");
}
