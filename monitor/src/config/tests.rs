//! Rows: a configuration in, what it means or what is wrong with it out.

use super::*;

#[track_caller]
fn check(text: &str, expected: &str) {
    let file = ConfigFile::of(Some(PathBuf::from("c.toml")), text.to_owned()).unwrap();
    let place = Place {
        file,
        variables: lic_protocol::place::Variables::default(),
        state: PathBuf::new(),
        live: PathBuf::new(),
        history: PathBuf::new(),
        runtime: PathBuf::new(),
    };
    let told = match Config::load(place) {
        Ok(config) => format!("{} servers, {} tools", config.servers.len(), config.tools.len()),
        Err(error) => error.to_string(),
    };
    assert_eq!(told, expected);
}

const SERVER: &str = "[[server]]\nname = \"a\"\nsystem = \"dsls\"\nlog = { directory = \"/x\" }\n";

#[test]
fn what_is_right_is_read() {
    check("", "0 servers, 0 tools");
    let tool = "[[tool]]\nname = \"t\"\nseats = \"unlimited\"\non_full = \"deny\"\n";
    check(&format!("{SERVER}zone = \"Europe/Stockholm\"\n{tool}"), "1 servers, 1 tools");
    check(&SERVER.replace(" }", ", encoding = \"gbk\" }"), "1 servers, 0 tools");
}

#[test]
fn what_is_wrong_is_told_by_line_and_column() {
    let other = SERVER.replace("/x", "/y");
    check(&format!("{SERVER}{other}"), "c.toml:6:8: the server name `a` is taken or empty");
    let twin = SERVER.replace("\"a\"", "\"b\"");
    check(
        &format!("{SERVER}{twin}"),
        "c.toml:6:8: `a` and `b` follow the same logs: whatever is in them would be counted twice",
    );
    check(
        "[[server]]\nname = \"a\"\nsystem = \"rlm\"\npoll = { command = [\"/bin/true\"], every = \"5s\", timeout = \"6s\" }\n",
        "c.toml:4:59: `timeout` is at most `every`, so that one answer is there before the next is asked for",
    );
    check(
        &SERVER.replace(" }", ", encoding = \"ebcdic\" }"),
        "c.toml:4:38: unknown encoding `ebcdic`, like \"shift_jis\"",
    );
    check(
        &format!("{SERVER}zone = \"Mars\"\n"),
        "c.toml:5:8: unknown time zone `Mars`, like \"Europe/Stockholm\"",
    );
    check(
        "[[server]]\nname = \"a\"\nsystem = \"flexml\"\n",
        "c.toml:3:10: unknown license system `flexml`; known: dsls, flexlm, rlm, pattern",
    );
    check(
        "[[server]]\nname = \"a\"\nsystem = \"pattern\"\nlog = { directory = \"/x\" }\n",
        "c.toml:3:10: the system \"pattern\" needs `lines = { time = \"%F %T\", checkout = '...' }`",
    );
    check(
        &format!("{SERVER}lines = {{ time = \"%F %T\", checkout = '(' }}\n"),
        "c.toml:5:9: `lines` is for the system \"pattern\"; licmon knows the lines of this one",
    );
    let pattern = SERVER.replace("dsls", "pattern");
    check(
        &format!("{pattern}lines = {{ time = \"%F %T\", checkout = '(?<at>' }}\n"),
        "c.toml:5:9: `checkout` is no regular expression: unclosed group",
    );
    check("[monitor]\nscan = \"soon\"\n", "c.toml:2:8: `soon` is not a duration, like \"1s\"");
    check("[monitor]\nstat = \"/\"\n", "c.toml:2:1: unknown key `stat`, did you mean `state`?");
    check(
        "[[tool]]\nname = \"t\"\nseats = -1\n",
        "c.toml:3:9: `seats` is a number from 0, or \"unlimited\"",
    );
    check(
        "[[tool]]\nname = \"t\"\nseats = 1\non_down = \"dance\"\n",
        "c.toml:4:11: `on_down` is one of \"run\", \"wait\", \"deny\"",
    );
    check(
        "[[tool]]\nname = \"a || b\"\nseats = 1\n",
        "c.toml:2:8: the tool name `a || b` holds ` || `, which stands between alternatives in -f",
    );
    check("[[tool]]\nname = \"t\"\n", "c.toml:1:1: missing field `seats`");
}

const ASKED: &str = "[[server]]\nname = \"a\"\nsystem = \"olicense\"\n";

#[test]
fn what_is_asked_needs_no_log() {
    check(&format!("{ASKED}poll = {{ command = [\"/opt/olixtool\"] }}\n"), "0 servers, 0 tools");
    check(
        &format!(
            "{SERVER}poll = {{ command = [\"/opt/ask\"], every = \"1m\", timeout = \"5s\" }}\n"
        ),
        "1 servers, 0 tools",
    );
    check(
        ASKED,
        "c.toml:3:10: licmon reads no logs of `olicense`: have it asked, with `poll = { command = [...] }`",
    );
    check(
        &format!("{ASKED}poll = {{ command = [\"olixtool\"] }}\n"),
        "c.toml:4:20: `command` begins with the absolute path of a program, like [\"/opt/lmutil\", \"lmstat\", \"-a\"]; no shell reads it",
    );
    check(
        &format!("{ASKED}poll = {{ command = [\"/x\"], every = \"10ms\" }}\n"),
        "c.toml:4:36: `every` is at least \"1s\"",
    );
    check(
        &format!("{ASKED}poll = {{ command = [\"/x\"], format = \"lmstatt\" }}\n"),
        "c.toml:4:37: unknown format `lmstatt`; known: lmstat, license-file, rlmstat, olixtool, olicense-xml, dsls-csv, dsls-all, lmxendutil, lstc-qrun, lsmon, scontrol, json",
    );
    let pattern = ASKED.replace("olicense", "pattern");
    check(&format!("{pattern}poll = {{ command = [\"/x\"] }}\n"), "0 servers, 0 tools");
    check(
        &format!(
            "{pattern}poll = {{ command = [\"/x\"], lines = {{ feature = '(?<feature>.)(?<seats>.)' }} }}\n"
        ),
        "c.toml:4:36: `feature` has the group `seats`; known: feature, issued, in_use, reserved, queued, version, vendor, pool, expires",
    );
}

#[test]
fn every_key_of_a_tool_is_read() {
    let tool = "[[tool]]\nname = \"t\"\nseats = 4\ntokens = { per_core = 2 }\nunit = \"user_host\"\nmode = \"observe\"\n\
            zone = \"Europe/Stockholm\"\nexpires = \"2027-01-31\"\nwindow = [\"mon-fri 20:00-07:00\"]\nageing = \"5m\"\n\
            reserve = [{ seats = 1, user = \"ann\" }, { seats = 3, group = \"cfd\", host = \"node*\" }]\n\
            rules = [{ allow = { project = \"wing\" } }, { deny = {} }]\n\
            priority = [{ class = 2, user = \"ann\" }]\n\
            match = { exe = \"^/opt/\", name = \"^t$\", cmdline = \"-batch\" }\n";
    check(tool, "0 servers, 1 tools");
}
