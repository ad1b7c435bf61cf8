//! `/metrics` is text that Prometheus takes, whatever names are in it, and the dashboard for Grafana asks for nothing else.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use jiff::Timestamp;
use lic_protocol::{
    event::{Checkout, Denial, Event, Fact, HandleOf, Identity, ReasonClass},
    name::ServerName,
    view::{Mode, Source},
};
use lic_store::{
    commit::Batch,
    configured::{Configured, ConfiguredFeature, ConfiguredServer},
    open::DatabasePaths,
    writer::Writer,
};
use licdash::{host::Hosts, router::router, state::App};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::watch;
use tower::ServiceExt;

const GRAFANA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../packaging/grafana/licenses.json");
/// Texts for people that name metrics.
const DOCUMENTS: [&str; 2] = ["admin.md", "build.md"];
const BYTES_MAX: usize = 1 << 20;
/// Names that would be other samples, other lines or other labels, if they could.
const HOSTILE: [&str; 6] = [
    "x\"} 7\nlicmon_forged 1\n#",
    "back\\slash\\",
    "\u{1b}[2J\u{202e}\r",
    "other",
    "{}=,\" ",
    "é\u{feff}\u{0}",
];

/// A sample as it is understood.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Series {
    name: String,
    labels: BTreeMap<String, String>,
}

#[derive(Debug, Default)]
struct Scraped {
    samples: BTreeMap<Series, String>,
    types: BTreeMap<String, String>,
}

impl Scraped {
    /// The value of a sample; empty where there is none.
    fn value(&self, name: &str, labels: &[(&str, &str)]) -> &str {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let series = Series { name: name.to_owned(), labels: labels.collect() };
        self.samples.get(&series).map_or("", String::as_str)
    }
}

/// Understands every line or says which it cannot: Prometheus drops the whole scrape for one.
fn parse(text: &str) -> Result<Scraped, String> {
    let mut scraped = Scraped::default();
    let mut family = String::new();
    for line in text.strip_suffix('\n').ok_or("no line feed at the end")?.split('\n') {
        let wrong = || format!("not understood: {line:?}");
        if line.chars().any(char::is_control) {
            return Err(wrong());
        }
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').ok_or_else(wrong)?;
            family = Some(name)
                .filter(|name| is_name(name) && !help.is_empty())
                .ok_or_else(wrong)?
                .into();
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').ok_or_else(wrong)?;
            let is_first = scraped.types.insert(name.to_owned(), kind.to_owned()).is_none();
            if name != family || !matches!(kind, "gauge" | "counter") || !is_first {
                return Err(wrong());
            }
        } else {
            let (series, value) = sample(line).ok_or_else(wrong)?;
            if series.name != family || scraped.samples.insert(series, value).is_some() {
                return Err(wrong());
            }
        }
    }
    Ok(scraped)
}

fn sample(line: &str) -> Option<(Series, String)> {
    let end = line.find(['{', ' '])?;
    let (name, rest) = line.split_at(end);
    let (labels, value) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (BTreeMap::new(), rest),
    };
    let value = value.strip_prefix(' ')?;
    value.parse::<f64>().ok()?;
    is_name(name).then(|| (Series { name: name.to_owned(), labels }, value.to_owned()))
}

/// Labels and what is behind them, in `a="1",b="2"} rest`.
fn labels(mut rest: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let mut labels = BTreeMap::new();
    loop {
        let (name, value) = rest.split_once("=\"")?;
        let mut text = String::new();
        let mut characters = value.char_indices();
        let end = loop {
            match characters.next()? {
                (at, '"') => break at,
                (_, '\\') => text.push(match characters.next()?.1 {
                    'n' => '\n',
                    escaped @ ('\\' | '"') => escaped,
                    _ => return None,
                }),
                (_, character) => text.push(character),
            }
        };
        if !is_name(name) || labels.insert(name.to_owned(), text).is_some() {
            return None;
        }
        match value.get(end + 1..)?.split_at_checked(1)? {
            (",", more) => rest = more,
            ("}", behind) => return Some((labels, behind)),
            _ => return None,
        }
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'0'..=b'9'))
}

struct Site {
    folder: TempDir,
    router: Router,
}

impl Site {
    fn empty() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let hosts = Hosts::new([127, 0, 0, 1].into(), &[], "node7");
        let databases = DatabasePaths::in_state(folder.path());
        let router = router(App::new(&databases, watch::channel(7).1, hosts));
        Self { folder, router }
    }

    /// A tool with two seats of which one is held, a license server whose log was not read yet, and one with hostile features.
    fn full() -> Self {
        let site = Self::empty();
        let paths = DatabasePaths::in_state(site.folder.path());
        let mut writer = Writer::open(&paths).expect("a writer");
        writer.configure(&configured()).expect("a picture");
        let hostile = HOSTILE.map(|name| checkout(name, name));
        let local = [checkout("render", "ann"), denial("render", 2), denial("render", 3)];
        let batches = [batch("catia", &hostile), batch("local", &local)];
        writer.commit(&batches, at()).expect("a commit");
        site
    }

    async fn answer(&self) -> (StatusCode, String, String) {
        let request = Request::builder().uri("/metrics").header("host", "127.0.0.1:8501");
        let request = request.body(Body::empty()).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let (head, body) = response.into_parts();
        let kind =
            head.headers.get("content-type").expect("a type").to_str().expect("text").to_owned();
        let body = to_bytes(body, BYTES_MAX).await.expect("a body").to_vec();
        (head.status, kind, String::from_utf8(body).expect("text"))
    }

    async fn scrape(&self) -> Scraped {
        let (status, kind, text) = self.answer().await;
        assert_eq!(
            (status, kind.as_str()),
            (StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8")
        );
        parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }
}

fn at() -> Timestamp {
    "2025-08-18T08:00:00Z".parse().expect("a time")
}

fn checkout(feature: &str, user: &str) -> Fact {
    Fact::Checkout(Checkout {
        feature: feature.into(),
        user: user.into(),
        host: "WS0001".into(),
        count: 1,
        handle: feature.to_owned(),
        handle_of: HandleOf::Session,
        seat: None,
        version: None,
        vendor: None,
        unit: None,
        display: None,
        process: None,
        project: None,
    })
}

fn denial(feature: &str, tries: u32) -> Fact {
    Fact::Denial(Denial {
        feature: feature.into(),
        user: "bob".into(),
        host: "WS0002".into(),
        count: 1,
        reason: "no free seat".to_owned(),
        class: ReasonClass::Exhausted,
        process: None,
        tries,
    })
}

fn batch(server: &str, facts: &[Fact]) -> Batch {
    let event = |(ordinal, fact): (u32, &Fact)| Event {
        at: at(),
        fact: fact.clone(),
        identity: Identity { hash: server.bytes().map(u64::from).sum(), ordinal },
        raw: None,
    };
    let events = (0..).zip(facts).map(event).collect();
    let source = if server == "local" { Source::Wrapper } else { Source::Log };
    Batch { server: server.into(), source, learned_at: at(), events, checkpoint: None }
}

fn configured() -> Configured {
    let server = |name: &str, system: &str| ConfiguredServer {
        name: name.into(),
        system: system.to_owned(),
        zone: "UTC".to_owned(),
    };
    let render = ConfiguredFeature {
        server: ServerName::local(),
        feature: "render".into(),
        issued: Some(2),
        reserved: 0,
        mode: Mode::Enforce,
        expires: Some(at()),
    };
    Configured {
        servers: vec![
            server("catia", "dsls"),
            server("local", "licwrap"),
            server("unread", "dsls"),
        ],
        features: vec![render],
    }
}

#[tokio::test]
async fn figures_are_those_of_the_overview_and_what_is_not_known_has_none() {
    let scraped = Site::full().scrape().await;
    let render = [("feature", "render"), ("server", "local")];
    let hostile = [("feature", "back\\slash\\"), ("server", "catia")];
    for (name, labels, expected) in [
        ("licmon_seats_in_use", &render[..], "1"),
        ("licmon_seats_issued", &render, "2"),
        ("licmon_queued", &render, "0"),
        ("licmon_feature_expires_timestamp_seconds", &render, "1755504000"),
        ("licmon_feature_uncounted", &render, "0"),
        ("licmon_seats_in_use", &hostile, "1"),
        ("licmon_seats_issued", &hostile, ""),
        ("licmon_queued", &hostile, ""),
        ("licmon_denials_total", &render, "5"),
        ("licmon_denials_total", &hostile, ""),
        ("licmon_running", &[], "0"),
        ("licmon_features", &[], "7"),
        ("licmon_features_other", &[], "0"),
        ("licmon_seats_issued", &[("feature", "other")], ""),
        ("licmon_servers", &[], "3"),
        ("licmon_server_state", &[("server", "unread"), ("state", "unknown")], "1"),
        ("licmon_server_state", &[("server", "unread"), ("state", "up")], "0"),
        ("licmon_server_usage_visible", &[("server", "unread")], ""),
        ("licmon_server_last_answer_timestamp_seconds", &[("server", "unread")], ""),
        ("licmon_server_last_answer_timestamp_seconds", &[("server", "catia")], "1755504000"),
        ("licmon_server_lines_total", &[("kind", "unknown"), ("server", "catia")], "0"),
    ] {
        assert_eq!(scraped.value(name, labels), expected, "{name} {labels:?} in {scraped:#?}");
    }
}

#[tokio::test]
async fn hostile_names_stay_labels() {
    let scraped = Site::full().scrape().await;
    let held = scraped.samples.keys().filter(|series| series.name == "licmon_seats_in_use");
    let mut held: Vec<&str> = held.map(|series| series.labels["feature"].as_str()).collect();
    held.sort_unstable();
    let mut expected = vec![
        "\\x1b[2J\\u{202e}\\x0d",
        "back\\slash\\",
        "other",
        "render",
        "x\"} 7\\x0alicmon_forged 1\\x0a#",
        "{}=,\" ",
        "é\\u{feff}\\x00",
    ];
    expected.sort_unstable();
    assert_eq!(held, expected);
    let named: BTreeSet<&str> = scraped
        .samples
        .keys()
        .flat_map(|series| series.labels.keys().map(String::as_str))
        .collect();
    assert_eq!(
        named.into_iter().collect::<Vec<_>>(),
        ["feature", "kind", "server", "state", "version"]
    );
}

#[tokio::test]
async fn without_databases_the_scrape_fails() {
    let (status, _, text) = Site::empty().answer().await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{text}");
    assert!(parse(&text).is_err());
}

#[test]
fn the_grammar_is_strict() {
    let of = |sample: &str| parse(&format!("# HELP a b\n# TYPE a gauge\n{sample}\n")).is_ok();
    for (sample, expected) in [
        ("a 1", true),
        ("a{b=\"c\"} 1.5", true),
        ("a{b=\"c\\\"\\\\\\n\",d=\"\"} 1", true),
        ("a{b=\"c\",} 1", false),
        ("a{b=\"c\\x\"} 1", false),
        ("a{b=\"c\"d\"} 1", false),
        ("a{b=\"c\",b=\"d\"} 1", false),
        ("a  1", false),
        ("a x", false),
        ("b 1", false),
        ("a 1\na 2", false),
        ("", false),
    ] {
        assert_eq!(of(sample), expected, "{sample}");
    }
}

/// Every expression of the dashboard, wherever in it.
fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(text) if name == "expr" || name == "query" => found.push(text.to_owned()),
                    _ => expressions(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| expressions(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_grafana_dashboard_asks_for_what_is_served() {
    let text = fs::read_to_string(Path::new(GRAFANA)).expect("a dashboard");
    let dashboard: Value = serde_json::from_str(&text).expect("a document");
    let mut asked = Vec::new();
    expressions(&dashboard, &mut asked);
    assert!(asked.len() > 10, "{asked:#?}");
    let served = Site::full().scrape().await.types;
    let named: BTreeSet<&str> =
        asked.iter().flat_map(|expression| metrics_in(expression)).collect();
    let unknown: Vec<_> = named.iter().filter(|name| !served.contains_key(**name)).collect();
    assert_eq!(unknown, [""; 0].iter().collect::<Vec<_>>(), "metrics that licdash does not serve");
    let unasked: Vec<_> = served.keys().filter(|name| !named.contains(name.as_str())).collect();
    assert_eq!(
        unasked,
        ["licmon_feature_uncounted", "licmon_server_denials_visible"],
        "metrics without a panel"
    );
}

fn metrics_in(text: &str) -> impl Iterator<Item = &str> {
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let words = text.split(move |character| !is_word(character)).filter(|word| is_name(word));
    words.filter(|word| word.starts_with("licmon_") || word.starts_with("licdash_"))
}

#[tokio::test]
async fn documents_name_what_is_served() {
    let served = Site::full().scrape().await.types;
    for document in DOCUMENTS {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(document);
        let text = fs::read_to_string(path).expect("a document");
        let named: BTreeSet<&str> = metrics_in(&text).collect();
        assert!(named.len() > 8, "{document}: {named:?}");
        for name in named {
            assert!(served.contains_key(name), "{document}: {name}");
        }
    }
}
