//! Any bytes as an answer that an administrator describes.
#![no_main]

#[path = "status/law.rs"]
mod law;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use lic_parse::status::pattern::{Expressions, Pattern};

/// Made once: it takes longer than reading.
static FORMAT: LazyLock<Pattern> = LazyLock::new(|| {
    let some = |text: &str| Some(text.to_owned());
    let expressions = Expressions {
        feature: some(r"^(?<feature>\S+): (?<in_use>\S+) of (?<issued>\S+)(?: until (?<expires>.+))?$"),
        holder: some(r"^(?<user>[^@]+)@(?<host>\S+) (?<count>\S+) since (?<started>.+)$"),
        waiter: some(r"waits: (?<user>\S+)(?: for (?<feature>\S+))?"),
        down: some("(?i)cannot connect"),
        noise: some("^#"),
    };
    Pattern::new(&expressions).expect("expressions")
});

fuzz_target!(|text: &[u8]| law::check(&*FORMAT, text, b"\r\n"));
