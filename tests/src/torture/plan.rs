//! What is asked for: the tools of the site with all their units, and what each run draws.

use std::{collections::BTreeMap, time::Duration};

use lic_protocol::want::Want;

use crate::dice::Dice;

/// What takes a seat, as the configuration says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A run, until its process ends.
    Run,
    /// A run, until everything that it left behind has ended too.
    Tree,
    /// All runs of a user.
    User,
    /// All runs of the host.
    Host,
}

/// What the configuration promises of a tool.
#[derive(Clone, Copy, Debug)]
pub struct Pool {
    /// Its seats; `None` where they are counted only.
    pub seats: Option<u32>,
    /// Those set aside for the user of number 0 in [`Run::user`](super::check::Run::user).
    pub reserved: u32,
    /// What takes one of them.
    pub unit: Unit,
    /// Whether it runs while licmon is away, and is counted later.
    pub runs_uncounted: bool,
}

/// How a run waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// As long as it takes.
    Yes,
    /// So many milliseconds.
    For(u64),
    /// Not at all.
    No,
}

/// One run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its seats.
    pub wants: Vec<Want>,
    /// How it waits for them.
    pub waiting: Waiting,
    /// Whether licwrap stays as parent of the tool.
    pub is_supervised: bool,
    /// What the tool does.
    pub hold: Hold,
}

/// What a tool does.
#[derive(Clone, Copy, Debug)]
pub struct Hold {
    /// How long it runs.
    pub for_ms: u64,
    /// How long the child lasts that it leaves behind, if it does.
    pub child_ms: Option<u64>,
    /// Whether it kills itself at its end.
    pub dies: bool,
}

const fn pool(seats: u32, unit: Unit) -> Pool {
    Pool { seats: Some(seats), reserved: 0, unit, runs_uncounted: false }
}

const POOLS: [(&str, Pool); 7] = [
    ("run", pool(4, Unit::Run)),
    ("kept", Pool { reserved: 1, ..pool(4, Unit::Run) }),
    ("tree", pool(3, Unit::Tree)),
    ("user", pool(3, Unit::User)),
    ("host", pool(2, Unit::Host)),
    ("loose", Pool { runs_uncounted: true, ..pool(3, Unit::Run) }),
    ("free", Pool { seats: None, reserved: 0, unit: Unit::Run, runs_uncounted: true }),
];

/// The tools by name.
#[must_use]
pub fn pools() -> BTreeMap<String, Pool> {
    POOLS.iter().map(|(name, pool)| ((*name).to_owned(), *pool)).collect()
}

/// Their part of the configuration; what is set aside is for the user `member`.
#[must_use]
pub fn config(member: &str) -> String {
    let section = |(name, pool): &(&str, Pool)| {
        let seats = pool.seats.map_or("\"unlimited\"".to_owned(), |seats| seats.to_string());
        let unit = match pool.unit {
            Unit::Run => "run",
            Unit::Tree => "tree",
            Unit::User => "user",
            Unit::Host => "host",
        };
        let on_down = if pool.runs_uncounted {
            "on_down = \"run\"\n"
        } else {
            "on_down = \"wait\"\non_down_wait = \"5m\"\n"
        };
        let reserve = match pool.reserved {
            0 => String::new(),
            seats => format!("reserve = [{{ seats = {seats}, user = \"{member}\" }}]\n"),
        };
        format!(
            "[[tool]]\nname = \"{name}\"\nseats = {seats}\nunit = \"{unit}\"\n{on_down}{reserve}\n"
        )
    };
    POOLS.iter().map(section).collect()
}

impl Plan {
    /// Draws a run. Every one of them can be had when nobody else holds anything.
    pub fn draw(dice: &mut Dice) -> Self {
        let wants = wants(dice);
        let waiting = match dice.below(10) {
            0..6 => Waiting::Yes,
            6 => Waiting::For(1000),
            7 => Waiting::For(dice.between(10, 300)),
            _ => Waiting::No,
        };
        let leaves_child = dice.percent(35);
        let hold = Hold {
            // Often long enough to outlive a restart of licmon.
            for_ms: if dice.percent(25) { dice.between(300, 1500) } else { dice.between(0, 100) },
            child_ms: leaves_child.then(|| dice.between(0, 120)),
            dies: dice.percent(10),
        };
        Self { wants, waiting, is_supervised: dice.percent(10), hold }
    }

    /// A run that takes all of a pool at once or is refused, and ends at once.
    #[must_use]
    pub fn of_all(name: &str, seats: u32) -> Self {
        Self {
            wants: vec![Want { feature: name.to_owned(), count: seats }],
            waiting: Waiting::No,
            is_supervised: false,
            hold: Hold { for_ms: 0, child_ms: None, dies: false },
        }
    }

    /// The options of licwrap.
    #[must_use]
    pub fn options(&self) -> Vec<String> {
        let features = self.wants.iter().flat_map(|want| ["-f".to_owned(), want.shown()]);
        let mut options: Vec<String> = features.collect();
        options.extend(match self.waiting {
            Waiting::Yes => Some("-w".to_owned()),
            Waiting::For(ms) => Some(format!("-w={}s", Duration::from_millis(ms).as_secs_f64())),
            Waiting::No => Some("-n".to_owned()),
        });
        options.extend(self.is_supervised.then(|| "--supervise".to_owned()));
        options
    }
}

fn wants(dice: &mut Dice) -> Vec<Want> {
    let features = match dice.below(10) {
        0..7 => 1,
        7 | 8 => 2,
        _ => 3,
    };
    let mut wants: Vec<Want> = Vec::new();
    while wants.len() < features {
        let (feature, _) = POOLS[dice.pick(POOLS.len())];
        if wants.iter().all(|want| want.feature != feature) {
            let count = if dice.percent(25) { 2 } else { 1 };
            wants.push(Want { feature: feature.to_owned(), count });
        }
    }
    wants
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_runs() {
        let draw = |seed| format!("{:?}", Plan::draw(&mut Dice::new(seed)));
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn options_are_those_of_licwrap() {
        let plan = Plan { waiting: Waiting::For(300), is_supervised: true, ..Plan::of_all("a", 2) };
        assert_eq!(plan.options(), ["-f", "a:2", "-w=0.3s", "--supervise"]);
    }
}
