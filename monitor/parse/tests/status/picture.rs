//! A snapshot as text that a person reads: a line each, and nothing said of what is not known.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use lic_protocol::snapshot::{Entitlement, Expiry, FeatureStatus, Holder, Snapshot};

/// Every answer in `fixtures/status`, with the name of its format.
pub(crate) fn fixtures() -> impl Iterator<Item = (String, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/status");
    let folders =
        fs::read_dir(folder).expect("a fixture").map(|entry| entry.expect("a fixture").path());
    let mut all: Vec<(String, PathBuf)> = folders
        .flat_map(|folder| {
            let format =
                folder.file_name().expect("a fixture").to_str().expect("a fixture").to_owned();
            let files = fs::read_dir(folder)
                .expect("a fixture")
                .map(|entry| entry.expect("a fixture").path());
            files.map(move |path| (format.clone(), path))
        })
        .collect();
    all.retain(|(_, path)| path.extension().is_some_and(|extension| extension == "txt"));
    all.sort();
    all.into_iter()
}

/// All of it.
pub(crate) fn picture(snapshot: &Snapshot) -> String {
    let mut told = format!("{}", snapshot.state);
    add(&mut told, ": ", snapshot.error.as_ref());
    add(&mut told, "\nas of ", snapshot.as_of);
    for server in &snapshot.servers {
        write!(told, "\nserver {} {}", server.host, server.state)
            .expect("a string takes everything");
        told += if server.master { " master" } else { "" };
        add(&mut told, " v", server.version.as_ref());
        add(&mut told, ": ", server.error.as_ref());
    }
    for daemon in &snapshot.daemons {
        write!(told, "\ndaemon {} {}", daemon.name, daemon.state)
            .expect("a string takes everything");
        add(&mut told, " v", daemon.version.as_ref());
        add(&mut told, ": ", daemon.error.as_ref());
    }
    snapshot.features.iter().for_each(|it| feature(&mut told, it));
    for group in &snapshot.groups {
        write!(told, "\n{} {}: {}", group.kind, group.name, group.members.join(", "))
            .expect("a string takes everything");
    }
    for note in &snapshot.notes {
        write!(told, "\nnote {note}").expect("a string takes everything");
    }
    for example in &snapshot.coverage.examples {
        write!(told, "\nunknown: {}: {}", example.why, example.text.trim())
            .expect("a string takes everything");
    }
    told + "\n"
}

fn feature(told: &mut String, it: &FeatureStatus) {
    write!(told, "\nfeature {}", it.feature).expect("a string takes everything");
    add(told, " v", it.version.as_ref());
    add(told, ", vendor ", it.vendor.as_ref());
    add(told, ", pool ", it.pool.as_ref());
    add(told, ", issued ", it.issued);
    *told += if it.uncounted { ", uncounted" } else { "" };
    add(told, ", in use ", it.in_use);
    add(told, ", reserved ", it.reserved);
    add(told, ", queued ", it.queued);
    add(told, ", to ", it.expires.map(expiry));
    add(told, ": ", it.error.as_ref());
    it.entitlements.iter().for_each(|it| entitlement(told, it));
    for (kind, rules) in [("reserved", &it.reservations), ("at most", &it.limits)] {
        for rule in rules {
            write!(told, "\n  {kind} {} for {} {}", rule.count, rule.kind, rule.name)
                .expect("a string takes everything");
        }
    }
    it.holders.iter().for_each(|it| holder(told, it));
}

fn entitlement(told: &mut String, it: &Entitlement) {
    *told += "\n  license";
    add(told, " v", it.version.as_ref());
    add(told, ", seats ", it.count);
    add(told, ", to ", it.expires.map(expiry));
    add(told, ", ", it.kind);
    add(told, " on ", it.locked_to.as_ref());
}

fn holder(told: &mut String, it: &Holder) {
    *told += if it.queued { "\n  waits" } else { "\n  holds" };
    write!(told, " {}", it.count).expect("a string takes everything");
    add(told, ", user ", it.user.as_ref());
    add(told, ", host ", it.host.as_ref());
    add(told, ", display ", it.display.as_ref());
    add(told, ", v", it.version.as_ref());
    add(told, ", since ", it.started);
    add(told, ", handle ", it.handle.as_ref());
    add(told, ", seat ", it.seat.as_ref());
    add(told, ", pid ", it.pid);
    add(told, ", process ", it.process.as_ref());
    add(told, ", kept s ", it.linger_s);
    add(told, ", until ", it.linger_until);
}

fn add<T: ToString>(told: &mut String, name: &str, value: Option<T>) {
    if let Some(value) = value {
        *told += name;
        *told += &value.to_string();
    }
}

fn expiry(expiry: Expiry) -> String {
    match expiry {
        Expiry::At(at) => at.to_string(),
        Expiry::Permanent => "permanent".to_owned(),
    }
}
