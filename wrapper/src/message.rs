//! Every sentence on standard error, written in one piece. Nothing is said unless something failed, `-v` asks for it, or a
//! person waits at a terminal.

use std::{io::IsTerminal, time::Duration};

use lic_protocol::pairs::push_decimal;
use lic_protocol::wire::Refusal;
use nix::{errno::Errno, unistd};

use crate::{
    cli::{Mistake, Order},
    config::Knowledge,
    policy::NoSeat,
};

/// Prints on standard output what was asked for, line by line.
pub fn print(text: &str) {
    let mut shown = Sentence(String::with_capacity(text.len() + 1));
    for line in text.lines() {
        shown.add(line);
        shown.0.push('\n');
    }
    write_all(std::io::stdout(), shown.0.as_bytes());
}

/// The command line cannot be followed.
pub fn mistake(mistake: &Mistake) {
    let mut sentence = Sentence::begin();
    sentence.add(mistake.what);
    if !mistake.argument.is_empty() {
        sentence.add(": `");
        sentence.add_bytes(&mistake.argument);
        sentence.add("`");
    }
    sentence.add(" (see licwrap --help)");
    sentence.say();
}

/// The tool said that it got no license, for those who watch.
pub fn queued_again(order: &Order<'_>, again: u32, pause: Duration) {
    if order.is_verbose || std::io::stderr().is_terminal() {
        let mut sentence = Sentence::begin();
        sentence.add(&order.tool_name);
        sentence.add(" got no license; asking again in ");
        sentence.add_number(pause.as_secs());
        sentence.add(" s, time ");
        sentence.add_number(u64::from(again));
        sentence.say();
    }
}

/// There is a place in the queue, for those who watch.
pub fn queued(order: &Order<'_>, place: u32) {
    if order.is_verbose || std::io::stderr().is_terminal() {
        let mut sentence = Sentence::begin();
        sentence.add("waiting for a seat of ");
        sentence.add_features(order);
        sentence.add(", place ");
        sentence.add_number(u64::from(place));
        sentence.say();
    }
}

/// The connection to the monitor broke; it is tried again.
pub fn reconnecting(order: &Order<'_>, why: &str) {
    if order.is_verbose {
        let mut sentence = Sentence::begin();
        sentence.add("asking the license monitor again: ");
        sentence.add(why);
        sentence.say();
    }
}

/// The seats are held.
pub fn granted(order: &Order<'_>, lease: u64) {
    if order.is_verbose {
        let mut sentence = Sentence::begin();
        sentence.add("got ");
        sentence.add_features(order);
        sentence.add(", lease ");
        sentence.add_number(lease);
        sentence.say();
    }
}

/// The seats are held, and the kernel does not tell when they are free again.
pub fn looked_at(order: &Order<'_>) {
    if order.is_verbose {
        let mut sentence = Sentence::begin();
        sentence.add("this kernel has no pidfd: the seat is free a moment after ");
        sentence.add(&order.tool_name);
        sentence.add(" has ended, not at once");
        sentence.say();
    }
}

/// The monitor is away and the tool runs all the same.
pub fn uncounted(order: &Order<'_>, knowledge: &Knowledge<'_>, why: &str) {
    if order.is_verbose {
        let mut sentence = Sentence::begin();
        sentence.add_silence(knowledge, why);
        sentence.add("; running ");
        sentence.add(&order.tool_name);
        sentence.add(" uncounted");
        sentence.say();
    }
}

/// There are no seats and licwrap leaves. `text` is the monitor's sentence, or why the monitor is silent.
pub fn no_seat(order: &Order<'_>, knowledge: &Knowledge<'_>, reason: NoSeat, text: &str) {
    let mut sentence = Sentence::begin();
    match reason {
        NoSeat::Refused(refusal) if text.is_empty() => {
            sentence.add(refusal_sentence(refusal));
            sentence.add(": ");
            sentence.add_features(order);
        }
        NoSeat::Refused(_) => sentence.add(text),
        NoSeat::WaitedOut => {
            sentence.add("no seat of ");
            sentence.add_features(order);
            sentence.add(" in the time given by -w");
        }
        NoSeat::Silent => {
            sentence.add_silence(knowledge, text);
            sentence.add("; ");
            sentence.add(&order.tool_name);
            sentence.add(" may not run without it");
        }
    }
    sentence.say();
}

/// There can be no parent that stays.
pub fn cannot_supervise(errno: Errno) {
    let mut sentence = Sentence::begin();
    sentence.add("cannot stay as parent: ");
    sentence.add(errno.desc());
    sentence.say();
}

/// The tool cannot be run.
pub fn cannot_run(program: &[u8], errno: Errno) {
    let mut sentence = Sentence::begin();
    sentence.add("cannot run `");
    sentence.add_bytes(program);
    sentence.add("`: ");
    sentence.add(errno.desc());
    sentence.say();
}

fn refusal_sentence(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Busy => "no seat is free",
        Refusal::Unknown => "the license monitor knows no such tool",
        Refusal::TooMany => "more seats than there are",
        Refusal::Malformed => "the license monitor does not understand the request",
        Refusal::Forbidden => "not allowed",
        Refusal::Expired => "its license has expired",
        Refusal::QueueFull => "too many wait already",
    }
}

/// One line, put together without std's formatting: licwrap is small.
struct Sentence(String);

impl Sentence {
    fn begin() -> Self {
        Self("licwrap: ".to_owned())
    }

    /// Control characters come out as `?`: a sentence cannot move the cursor.
    fn add(&mut self, text: &str) {
        self.0.extend(text.chars().map(|letter| if letter.is_control() { '?' } else { letter }));
    }

    fn add_bytes(&mut self, bytes: &[u8]) {
        for chunk in bytes.utf8_chunks() {
            self.add(chunk.valid());
            self.add(if chunk.invalid().is_empty() { "" } else { "?" });
        }
    }

    fn add_number(&mut self, number: u64) {
        push_decimal(&mut self.0, number);
    }

    fn add_features(&mut self, order: &Order<'_>) {
        for (place, choice) in order.choices.iter().enumerate() {
            self.add(if place == 0 { "" } else { ", " });
            self.add(&choice.shown());
        }
    }

    fn add_silence(&mut self, knowledge: &Knowledge<'_>, why: &str) {
        self.add("no answer from the license monitor at ");
        self.add_bytes(&knowledge.socket);
        self.add(" (");
        self.add(why);
        self.add(")");
    }

    fn say(mut self) {
        self.0.push('\n');
        write_all(std::io::stderr(), self.0.as_bytes());
    }
}

/// Whoever closed their end does not want to hear it.
fn write_all(to: impl std::os::fd::AsFd, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match unistd::write(&to, bytes) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(Errno::EINTR) => {}
            Err(_) => return,
        }
    }
}
