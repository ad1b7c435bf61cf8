//! The page answers to its own addresses and to the names in `hosts`; to any other name it answers 421 and names the key.

use std::net::SocketAddr;

use lic_tests::{http, site::Site};

#[track_caller]
fn check(address: SocketAddr, host: &str, status: u16) {
    for path in ["/", "/api/v1/overview"] {
        let answer = http::get_as(address, host, path).expect("an answer");
        assert_eq!(answer.status, status, "{host} {path}: {}", answer.body);
        assert!(status != 421 || answer.body.contains("hosts"), "{}", answer.body);
    }
}

#[test]
fn only_known_names_are_answered() {
    let mut site = Site::without_log("hosts = [\"licenses.example.com\"]");
    site.start();
    let address = site.address();
    check(address, &address.to_string(), 200);
    check(address, &format!("localhost:{}", address.port()), 200);
    check(address, "licenses.example.com", 200);
    check(address, "LICENSES.example.com:80", 200);
    check(address, "rebound.example.net", 421);
    check(address, "127.0.0.1.example.net", 421);
}

#[test]
fn only_questions_are_answered() {
    let mut site = Site::without_log("");
    site.start();
    let missing = site.get("/api/v1/nothing");
    assert_eq!(missing.status, 404, "{}", missing.body);
    let page = site.get("/");
    let policy = page.header("content-security-policy").expect("a policy").to_owned();
    assert!(policy.contains("default-src"), "{policy}");
}
