//! The page answers to its own addresses and to the names in `hosts`; to any other name it answers 421 and names the key.

use std::net::SocketAddr;

use lic_tests::{http, programs::command, site::Site};

/// Our address as another machine sees it, and that machine's.
const OURS: &str = "10.213.84.1";
const THEIRS: &str = "10.213.84.2";

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

#[test]
fn another_machine_opens_the_page_by_its_address() {
    let Some(other) = OtherMachine::new() else {
        println!("not run: another machine is a network namespace, which needs root");
        return;
    };
    let mut site = Site::without_log("");
    site.listen_everywhere();
    site.start();
    let port = site.address().port();
    let opened = other.get(port, &format!("{OURS}:{port}"));
    assert!(opened.starts_with("HTTP/1.1 200 "), "{opened}");
    let rebound = other.get(port, "rebound.example.net");
    assert!(rebound.starts_with("HTTP/1.1 421 "), "{rebound}");
}

/// Another machine: a network namespace with one cable to us. Gone when it is dropped.
struct OtherMachine {
    name: String,
}

impl OtherMachine {
    fn new() -> Option<Self> {
        let number = std::process::id();
        let name = format!("licdash-{number}");
        let (here, there) = (format!("ld{number}a"), format!("ld{number}b"));
        ip(&format!("netns add {name}")).then_some(())?;
        let other = Self { name };
        let name = &other.name;
        let laid = [
            format!("link add {here} type veth peer name {there} netns {name}"),
            format!("address add {OURS}/30 dev {here}"),
            format!("link set {here} up"),
            format!("-netns {name} address add {THEIRS}/30 dev {there}"),
            format!("-netns {name} link set {there} up"),
        ];
        laid.iter().all(|line| ip(line)).then_some(other)
    }

    fn get(&self, port: u16, host: &str) -> String {
        let ask = format!(
            "exec 3<>/dev/tcp/{OURS}/{port}; \
             printf 'GET / HTTP/1.1\\r\\nHost: {host}\\r\\nConnection: close\\r\\n\\r\\n' >&3; cat <&3"
        );
        let arguments = ["netns", "exec", &self.name, "bash", "-c", &ask];
        let output = command("ip").args(arguments).output().expect("ip runs");
        String::from_utf8(output.stdout).expect("text")
    }
}

impl Drop for OtherMachine {
    fn drop(&mut self) {
        ip(&format!("netns delete {}", self.name));
    }
}

fn ip(line: &str) -> bool {
    let run = command("ip").args(line.split(' ')).output();
    run.is_ok_and(|output| output.status.success())
}
