//! The tools of the random requests, and who asks for them.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::{
    Class, OnFull, Priority, Reserve, Seats, Tool, Unit, Verdict, group, hours, rule, user,
};
use crate::{capacity::Mode, expiry::Expiry};

pub(super) const PEOPLE: [&str; 4] = ["bob", "ann", "eve", "ann@n2"];
pub(super) const FEATURES: [&str; 16] =
    ["a", "b", "c", "u", "p", "h", "x", "r", "s", "q", "w", "e", "d", "o", "f", "unknown"];

/// `a` has 1 seat, `b` 2, `c` 4 and denies when full, `u` is unlimited. One seat of `p` is for all runs of a user together,
/// of `h` for all on a host, of `x` for all of a user on a host. Of `r` 2 of 4 seats are set aside, of `s` one for the group
/// cfd, and that tool counts by host. On `q` ann comes an hour earlier than she does, and eve two. `w` has its hours, `e` its end, `d` is
/// denied to eve, `o` is only observed, and `f` is off.
pub(super) fn before_reload() -> Vec<(&'static str, Tool)> {
    let waits = |seats| Tool::new(Seats::Limited(seats), OnFull::Wait);
    let by = |unit, seats| Tool { unit, ..waits(seats) };
    let aside = |seats, who| Reserve { seats, who };
    let class = |class, who| Class { class, who };
    let of_classes = Priority {
        classes: vec![class(1, user("ann")), class(2, user("eve"))],
        ageing: Duration::from_hours(1),
    };
    let not_bob = vec![rule(Verdict::Deny, user("bob"), 8)];
    vec![
        ("a", waits(1)),
        ("b", waits(2)),
        ("c", Tool::new(Seats::Limited(4), OnFull::Deny)),
        ("u", Tool::new(Seats::Unlimited, OnFull::Wait)),
        ("p", by(Unit::User, 2)),
        ("h", by(Unit::Host, 1)),
        ("x", by(Unit::UserHost, 2)),
        ("r", Tool { reserves: vec![aside(1, user("ann")), aside(1, group("cfd"))], ..waits(4) }),
        ("s", Tool { reserves: vec![aside(1, group("cfd"))], ..by(Unit::Host, 2) }),
        ("q", Tool { priority: of_classes, ..waits(2) }),
        ("w", Tool { windows: hours("08:00-10:00"), ..waits(1) }),
        ("e", Tool { expires: Expiry::parse("2026-01-01T09:00Z", &TimeZone::UTC), ..waits(1) }),
        ("d", Tool { rules: vec![rule(Verdict::Deny, user("eve"), 7)], ..waits(2) }),
        ("o", Tool { mode: Mode::Observe, rules: not_bob, ..waits(1) }),
        ("f", Tool { mode: Mode::Off, ..waits(1) }),
    ]
}

/// The same after an administrator was busy: every rule says something else, and `x` is gone.
pub(super) fn after_reload() -> Vec<(&'static str, Tool)> {
    let class = Class { class: 1, who: user("bob") };
    let mut tools = before_reload();
    tools.retain(|(name, _)| *name != "x");
    for (name, tool) in &mut tools {
        match *name {
            "a" | "u" => tool.seats = Seats::Limited(2),
            "b" => tool.seats = Seats::Limited(1),
            "c" => tool.on_full = OnFull::Wait,
            "p" => tool.unit = Unit::Host,
            "h" => tool.unit = Unit::Run,
            "r" => tool.reserves = vec![Reserve { seats: 2, who: user("eve") }],
            "s" => tool.seats = Seats::Limited(3),
            "q" => tool.priority.classes = vec![class.clone()],
            "w" => tool.windows = hours("09:00-13:00"),
            "e" => tool.expires = Expiry::parse("2026-01-01", &TimeZone::UTC),
            "d" => tool.rules = vec![rule(Verdict::Allow, user("eve"), 3)],
            "o" | "f" => tool.mode = Mode::Enforce,
            _ => {}
        }
    }
    tools
}
