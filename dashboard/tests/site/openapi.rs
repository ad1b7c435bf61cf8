//! The description of the API is what is answered: every route is in it, every document has its shape, and whatever is asked
//! is answered with a status it names.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::stage::{Answer, HOSTILE, Site};

/// The table of routes, as it is compiled.
const ROUTER: &str = include_str!("../../src/router.rs");
/// Requests made up.
const REQUESTS: u64 = 1500;
/// Values for parameters: some fit some of them, some fit none.
const VALUES: [&str; 26] = [
    "catia",
    "CAC",
    "ann",
    "WS0001",
    "local",
    "sqlite",
    "",
    "1",
    "0",
    "-1",
    "1000",
    "99999999999",
    "active",
    "week",
    "2years",
    "csv",
    "json",
    "2025-08-18",
    "2025-08-18T08:00:00Z",
    "9999-12-31",
    "-009999-01-01T00:00:00Z",
    "1755504000000-3",
    "9223372036854775807-9223372036854775807",
    "'; drop table name; --",
    "\u{0}\u{7f}\u{202e}",
    HOSTILE,
];

/// The document, as it is served.
async fn document(site: &Site) -> Value {
    let answer = site.get("/api/v1/openapi.json").await;
    assert_eq!(answer.header("content-type"), "application/json");
    serde_json::from_str(&answer.body).expect("JSON")
}

/// What `at` points to, where it points.
fn resolved<'a>(document: &'a Value, at: &'a Value) -> &'a Value {
    match at["$ref"].as_str() {
        Some(path) => document.pointer(path.trim_start_matches('#')).expect("what is pointed to"),
        None => at,
    }
}

/// What of `value` is not as `schema` says; nothing where all is.
fn faults(document: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let schema = resolved(document, schema);
    if let Some(choices) = schema["oneOf"].as_array() {
        let fits = |choice: &&Value| {
            let mut found = Vec::new();
            faults(document, choice, value, at, &mut found);
            found.is_empty()
        };
        if !choices.iter().any(|choice| fits(&choice)) {
            found.push(format!("{at}: {value} is none of {choices:?}"));
        }
        return;
    }
    let types = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect::<Vec<_>>(),
    };
    if !types.iter().any(|name| is_a(name, value)) {
        found.push(format!("{at}: {value} is no {types:?}"));
    }
    if schema["enum"].as_array().is_some_and(|words| !words.contains(value)) {
        found.push(format!("{at}: {value} is not in {}", schema["enum"]));
    }
    if let (Some("date-time"), Some(time)) = (schema["format"].as_str(), value.as_str()) {
        let is_time = time.parse::<jiff::Timestamp>().is_ok() && time.ends_with('Z');
        if !is_time {
            found.push(format!("{at}: {time} is no time"));
        }
    }
    for (at_row, row) in value.as_array().into_iter().flatten().enumerate() {
        faults(document, &schema["items"], row, &format!("{at}[{at_row}]"), found);
    }
    if let (Some(fields), Some(known)) = (value.as_object(), schema["properties"].as_object()) {
        let names: BTreeSet<&String> = fields.keys().collect();
        let expected: BTreeSet<&String> = known.keys().collect();
        if names != expected {
            found.push(format!("{at}: fields {names:?}, described {expected:?}"));
        }
        for (name, field) in fields.iter().filter(|(name, _)| known.contains_key(*name)) {
            faults(document, &known[name], field, &format!("{at}.{name}"), found);
        }
    }
}

fn is_a(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        _ => value.is_object(),
    }
}

/// `answer` is one that `operation` describes.
#[track_caller]
fn check(document: &Value, operation: &Value, address: &str, answer: &Answer) {
    let described = &operation["responses"][answer.status.as_str()];
    assert!(
        described.is_object(),
        "{address}: {} is not described: {}",
        answer.status,
        answer.body
    );
    let mime = answer.header("content-type").split(';').next().expect("a type").trim();
    let content = &resolved(document, described)["content"][mime];
    assert!(content.is_object(), "{address}: {} as {mime} is not described", answer.status);
    if mime.ends_with("json") {
        let value = serde_json::from_str(&answer.body).expect("JSON");
        let mut found = Vec::new();
        faults(document, &content["schema"], &value, "", &mut found);
        assert!(found.is_empty(), "{address}: {found:#?}");
    }
}

#[tokio::test]
async fn every_route_is_described() {
    let document = document(&Site::full()).await;
    let described: BTreeSet<&str> =
        document["paths"].as_object().expect("paths").keys().map(String::as_str).collect();
    let lines = ROUTER.lines().filter(|line| line.contains("get(api::"));
    let routed: BTreeSet<&str> = lines.filter_map(|line| line.split('"').nth(1)).collect();
    assert_eq!(described, routed);
}

#[tokio::test]
async fn every_document_has_the_shape_described() {
    let site = Site::full();
    let document = document(&site).await;
    for (path, item) in document["paths"].as_object().expect("paths") {
        if path == "/stream" {
            continue;
        }
        let operation = &item["get"];
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let parameters: Vec<&Value> = parameters.map(|one| resolved(&document, one)).collect();
        let needed =
            parameters.iter().filter(|one| one["required"] == true && one["in"] == "query");
        let query: Vec<String> =
            needed.map(|one| sample(one["name"].as_str().expect("a name"))).collect();
        let mut addresses = vec![address(path, &query)];
        for one in parameters.iter().filter(|one| one["required"] != true) {
            let name = one["name"].as_str().expect("a name");
            addresses.push(address(path, &[query.clone(), vec![sample(name)]].concat()));
        }
        for address in addresses {
            let answer = site.get(&address).await;
            assert_eq!(answer.status, 200, "{address}: {}", answer.body);
            check(&document, operation, &address, &answer);
        }
        if !parameters.is_empty() && operation["responses"]["400"].is_object() {
            let unknown = address(path, &[query, vec!["zz=1".to_owned()]].concat());
            assert_eq!(site.get(&unknown).await.status, 400, "{unknown}");
        }
    }
}

/// A path with names that are there, and a query.
fn address(path: &str, query: &[String]) -> String {
    let path =
        path.replace("{server}", "catia").replace("{feature}", "CAC").replace("{user}", "ann");
    format!("/api/v1{path}?{}", query.join("&"))
}

/// A parameter that fits what is there.
fn sample(name: &str) -> String {
    let value = match name {
        "from" => "2025-01-01",
        "to" => "2025-12-31",
        "server" => "catia",
        "feature" => "CAC",
        "user" | "q" => "ann",
        "host" => "WS0001",
        "limit" => "2",
        "after" => "1999999999999-9",
        "state" => "active",
        "range" => "quarter",
        _ => "csv",
    };
    format!("{name}={value}")
}

#[tokio::test]
async fn whatever_is_asked_is_answered_as_described() {
    let site = Site::full();
    let document = document(&site).await;
    let paths: Vec<(&String, &Value)> =
        document["paths"].as_object().expect("paths").iter().collect();
    let names = document["components"]["parameters"].as_object().expect("parameters");
    let names: Vec<&str> = names.keys().map(String::as_str).chain(["zz"]).collect();
    let mut dice = 0x9e37_79b9_7f4a_7c15_u64;
    let mut throw = |sides: usize| {
        // Source: Marsaglia, Xorshift RNGs, 2003.
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        usize::try_from(dice % sides as u64).expect("fewer than the sides")
    };
    for _ in 0..REQUESTS {
        let (path, item) = paths[throw(paths.len())];
        if path == "/stream" {
            continue;
        }
        let mut address = format!("/api/v1{path}");
        for part in ["{server}", "{feature}", "{user}"] {
            address = address.replace(part, &encoded(VALUES[throw(VALUES.len())]));
        }
        for part in 0..throw(4) {
            let (name, value) = (names[throw(names.len())], VALUES[throw(VALUES.len())]);
            let joint = if part == 0 { '?' } else { '&' };
            address = format!("{address}{joint}{name}={}", encoded(value));
        }
        let answer = site.get(&address).await;
        // A name that is empty makes another path.
        if !address.contains("//") && !address.split('?').next().expect("a path").ends_with('/') {
            check(&document, &item["get"], &address, &answer);
        }
        assert!(answer.status.as_u16() < 500, "{address}: {}", answer.body);
    }
}

/// Every byte percent-encoded.
fn encoded(text: &str) -> String {
    let bytes: Vec<String> = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    bytes.concat()
}
