//! Requests and replies on the seat socket: `key=value` lines, at most 4 KiB, closed by an empty line.
//!
//! Any language can speak it. A request from licwrap, and the reply when a seat is free:
//!
//! ```text
//! licwrap=1            licwrap=1
//! op=acquire           status=granted
//! feature=render:1     lease=1763990400000001
//! wait=yes
//! tool=blender
//! ```
//!
//! `feature=NAME` asks for as many seats as a run takes by its configuration, `feature=a || b:2` for either, the first that
//! can be had. With a request may come the tokens of seats that are held around it (`SCM_RIGHTS`): what they hold is not wanted again.
//! With a grant comes one descriptor (`SCM_RIGHTS`), the seat's token; none where the asker is inside the lease
//! already. A reply `status=queued` is followed by another reply on the same connection; closing it leaves the queue. Who asks is never in the message: the kernel says it.
//! A value may hold any byte: control characters, `%` and bytes above ASCII are written `%XX`. Unknown keys are skipped.

use crate::{
    outcome::Outcome,
    pairs::{Malformed, Pairs},
    want::{Choice, WANTS_MAX, wishes},
};

/// Longest message, closing empty line included.
pub const MESSAGE_BYTES_MAX: usize = 4096;
/// Most tokens that come with one request.
pub const TOKENS_MAX: usize = 8;
/// The version every message begins with.
pub const VERSION: &str = "1";

/// What to do when no seat is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// What the tool's configuration says.
    AsConfigured,
    /// Wait in the queue. For how long is the asker's business: it leaves by closing.
    Yes,
    /// Refuse at once.
    No,
}

/// Seats asked for: all of them or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acquire {
    /// What is wanted: of each one alternative, and no feature twice.
    pub choices: Vec<Choice>,
    /// What to do when it cannot be had now.
    pub wait: Wait,
    /// The tool's name, for people.
    pub tool: String,
    /// The project the user named.
    pub project: Option<String>,
    /// Whether the asker's parent stays and tells the outcome.
    pub is_supervised: bool,
    /// The ticket of an earlier connection that broke: keeps the place in the queue.
    pub ticket: Option<u64>,
    /// Whether the asker has asked before and got no answer: what it was given meanwhile is its own.
    pub is_again: bool,
}

/// What may be asked on the seat socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Seats for a tool.
    Acquire(Acquire),
    /// What would come of asking for them, in words. Nothing changes.
    Explain(Acquire),
    /// Give back the seats of a lease; its tool runs on. For licmon's own user and root.
    Release {
        /// The lease.
        lease: u64,
    },
    /// How the tool ended whose parent asks.
    Outcome(Outcome),
    /// The same, of a tool whose exit status says that it got no license.
    Denied(Outcome),
    /// Read the log whose open descriptor comes with this message, once. For licmon's own user and root.
    Import(Import),
    /// Make the live database again from history. For licmon's own user and root.
    Rebuild,
}

/// A log to read once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Its license system.
    pub system: String,
    /// The server it belongs to.
    pub server: String,
    /// The zone of its times.
    pub zone: String,
    /// Its path, to be shown.
    pub path: String,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The seats are held; their token comes with this message.
    Granted {
        /// The lease that holds them.
        lease: u64,
        /// Whether the asker is looked at by the clock, as the kernel does not tell when it ends.
        is_looked_at: bool,
    },
    /// Wait: another reply follows.
    Queued {
        /// To be shown again if the connection breaks.
        ticket: u64,
        /// 1 is next.
        place: u32,
    },
    /// No.
    Refused {
        /// Whether asking later can help.
        refusal: Refusal,
        /// One sentence for people.
        text: String,
    },
    /// An act went on this far.
    Progress {
        /// One line for people.
        text: String,
    },
    /// An act is done.
    Done {
        /// One line for people.
        text: String,
    },
    /// An act failed.
    Failed {
        /// One sentence for people.
        text: String,
    },
}

/// Why seats are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No seat is free, and the asker does not wait.
    Busy,
    /// No such tool.
    Unknown,
    /// More than there is.
    TooMany,
    /// The request itself is wrong.
    Malformed,
    /// The asker may not ask this.
    Forbidden,
    /// Its license is valid no more.
    Expired,
    /// Too many wait already.
    QueueFull,
}

impl Refusal {
    const WORDS: [(Self, &'static str); 7] = [
        (Self::Busy, "busy"),
        (Self::Unknown, "unknown"),
        (Self::TooMany, "too_many"),
        (Self::Malformed, "malformed"),
        (Self::Forbidden, "forbidden"),
        (Self::Expired, "expired"),
        (Self::QueueFull, "queue_full"),
    ];

    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(refusal, _)| *refusal == self).map_or("", |(_, word)| word)
    }

    fn from_word(text: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(_, word)| *word == text).map(|(refusal, _)| *refusal)
    }
}

impl Request {
    /// The message, closing empty line included.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut pairs = Pairs::begin();
        match self {
            Self::Acquire(acquire) => acquire.encode_into("acquire", &mut pairs),
            Self::Explain(acquire) => acquire.encode_into("explain", &mut pairs),
            Self::Release { lease } => {
                pairs.put("op", "release");
                pairs.put_number("lease", *lease);
            }
            Self::Outcome(outcome) => {
                pairs.put("op", "outcome");
                outcome.put_into(&mut pairs);
            }
            Self::Denied(outcome) => {
                pairs.put("op", "denied");
                outcome.put_into(&mut pairs);
            }
            Self::Import(import) => {
                pairs.put("op", "import");
                pairs.put("system", &import.system);
                pairs.put("server", &import.server);
                pairs.put("zone", &import.zone);
                pairs.put("path", &import.path);
            }
            Self::Rebuild => pairs.put("op", "rebuild"),
        }
        pairs.end()
    }

    /// Reads a message up to its closing empty line.
    ///
    /// # Errors
    /// [`Malformed`] says what is missing or wrong.
    pub fn decode(text: &str) -> Result<Self, Malformed> {
        let pairs = Pairs::read(text)?;
        match pairs.get("op").as_deref() {
            Some("acquire") => Acquire::decode(&pairs).map(Self::Acquire),
            Some("explain") => Acquire::decode(&pairs).map(Self::Explain),
            Some("release") => Ok(Self::Release { lease: pairs.need_number("lease")? }),
            Some("outcome") => Ok(Self::Outcome(Outcome::of(&pairs))),
            Some("denied") => Ok(Self::Denied(Outcome::of(&pairs))),
            Some("import") => Ok(Self::Import(Import {
                system: pairs.need("system")?,
                server: pairs.need("server")?,
                zone: pairs.need("zone")?,
                path: pairs.need("path")?,
            })),
            Some("rebuild") => Ok(Self::Rebuild),
            _ => Err(Malformed("unknown op")),
        }
    }
}

impl Acquire {
    fn encode_into(&self, op: &str, pairs: &mut Pairs) {
        pairs.put("op", op);
        for choice in &self.choices {
            pairs.put("feature", &choice.shown());
        }
        match self.wait {
            Wait::AsConfigured => {}
            Wait::Yes => pairs.put("wait", "yes"),
            Wait::No => pairs.put("wait", "no"),
        }
        pairs.put("tool", &self.tool);
        if let Some(project) = &self.project {
            pairs.put("project", project);
        }
        if self.is_supervised {
            pairs.put("supervised", "yes");
        }
        if let Some(ticket) = self.ticket {
            pairs.put_number("ticket", ticket);
        }
        if self.is_again {
            pairs.put("again", "yes");
        }
    }

    fn decode(pairs: &Pairs) -> Result<Self, Malformed> {
        let choices = pairs
            .all("feature")
            .iter()
            .map(|value| Choice::parse(value))
            .collect::<Result<Vec<_>, _>>()?;
        let features: Vec<&str> = wishes(&choices).map(|wish| wish.feature.as_str()).collect();
        let is_repeated = |(place, feature): (usize, &&str)| features[..place].contains(feature);
        let repeated = features.iter().enumerate().any(is_repeated);
        if features.is_empty() || features.len() > WANTS_MAX || repeated {
            return Err(Malformed("between 1 and 16 features, each once"));
        }
        let wait = match pairs.get("wait").as_deref() {
            None => Wait::AsConfigured,
            Some("yes") => Wait::Yes,
            Some("no") => Wait::No,
            Some(_) => return Err(Malformed("wait is yes or no")),
        };
        let ticket = match pairs.get("ticket") {
            Some(text) => Some(text.parse().map_err(|_| Malformed("ticket is a number"))?),
            None => None,
        };
        let tool = pairs.get("tool").unwrap_or_default();
        let is_supervised = pairs.get("supervised").as_deref() == Some("yes");
        let is_again = pairs.get("again").as_deref() == Some("yes");
        let project = pairs.get("project");
        Ok(Self { choices, wait, tool, project, is_supervised, ticket, is_again })
    }
}

impl Reply {
    /// The message, closing empty line included.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut pairs = Pairs::begin();
        match self {
            Self::Granted { lease, is_looked_at } => {
                pairs.put("status", "granted");
                pairs.put_number("lease", *lease);
                if *is_looked_at {
                    pairs.put("looked_at", "yes");
                }
            }
            Self::Queued { ticket, place } => {
                pairs.put("status", "queued");
                pairs.put_number("ticket", *ticket);
                pairs.put_number("place", u64::from(*place));
            }
            Self::Refused { refusal, text } => {
                pairs.put("status", "refused");
                pairs.put("refusal", refusal.word());
                pairs.put("text", text);
            }
            Self::Progress { text } => {
                pairs.put("status", "progress");
                pairs.put("text", text);
            }
            Self::Done { text } => {
                pairs.put("status", "done");
                pairs.put("text", text);
            }
            Self::Failed { text } => {
                pairs.put("status", "failed");
                pairs.put("text", text);
            }
        }
        pairs.end()
    }

    /// Reads a message up to its closing empty line.
    ///
    /// # Errors
    /// [`Malformed`] says what is missing or wrong.
    pub fn decode(text: &str) -> Result<Self, Malformed> {
        let pairs = Pairs::read(text)?;
        match pairs.get("status").as_deref() {
            Some("granted") => Ok(Self::Granted {
                lease: pairs.need_number("lease")?,
                is_looked_at: pairs.get("looked_at").as_deref() == Some("yes"),
            }),
            Some("queued") => Ok(Self::Queued {
                ticket: pairs.need_number("ticket")?,
                place: u32::try_from(pairs.need_number("place")?)
                    .map_err(|_| Malformed("place is a small number"))?,
            }),
            Some("refused") => Ok(Self::Refused {
                refusal: Refusal::from_word(&pairs.need("refusal")?)
                    .ok_or(Malformed("unknown refusal"))?,
                text: pairs.need("text")?,
            }),
            Some("progress") => Ok(Self::Progress { text: pairs.need("text")? }),
            Some("done") => Ok(Self::Done { text: pairs.need("text")? }),
            Some("failed") => Ok(Self::Failed { text: pairs.need("text")? }),
            _ => Err(Malformed("unknown status")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_request(request: &Request, text: &str) {
        assert_eq!(request.encode(), text);
        assert_eq!(Request::decode(text).as_ref(), Ok(request));
    }

    #[track_caller]
    fn check_reply(reply: &Reply, text: &str) {
        assert_eq!(reply.encode(), text);
        assert_eq!(Reply::decode(text).as_ref(), Ok(reply));
    }

    #[test]
    fn requests_there_and_back() {
        let mut acquire = Acquire {
            choices: vec![Choice::parse("render:2").unwrap(), Choice::parse("a || b:2").unwrap()],
            wait: Wait::Yes,
            tool: "a=b\n%".into(),
            project: None,
            is_supervised: false,
            ticket: Some(7),
            is_again: false,
        };
        check_request(
            &Request::Acquire(acquire.clone()),
            "licwrap=1\nop=acquire\nfeature=render:2\nfeature=a || b:2\nwait=yes\ntool=a=b%0A%25\nticket=7\n\n",
        );
        acquire.wait = Wait::AsConfigured;
        acquire.project = Some("Å".into());
        acquire.ticket = None;
        check_request(
            &Request::Acquire(Acquire { is_again: true, wait: Wait::No, ..acquire.clone() }),
            "licwrap=1\nop=acquire\nfeature=render:2\nfeature=a || b:2\nwait=no\ntool=a=b%0A%25\nproject=%C3%85\nagain=yes\n\n",
        );
        check_request(
            &Request::Explain(acquire.clone()),
            "licwrap=1\nop=explain\nfeature=render:2\nfeature=a || b:2\ntool=a=b%0A%25\nproject=%C3%85\n\n",
        );
        check_request(
            &Request::Acquire(acquire),
            "licwrap=1\nop=acquire\nfeature=render:2\nfeature=a || b:2\ntool=a=b%0A%25\nproject=%C3%85\n\n",
        );
        check_request(&Request::Release { lease: 9 }, "licwrap=1\nop=release\nlease=9\n\n");
        let outcome = Outcome { exit_status: Some(3), cpu_ms: Some(20), ..Outcome::default() };
        check_request(
            &Request::Outcome(outcome),
            "licwrap=1\nop=outcome\nexit_status=3\ncpu_ms=20\n\n",
        );
        check_request(
            &Request::Denied(outcome),
            "licwrap=1\nop=denied\nexit_status=3\ncpu_ms=20\n\n",
        );
        check_request(&Request::Rebuild, "licwrap=1\nop=rebuild\n\n");
    }

    #[test]
    fn replies_there_and_back() {
        let granted = |is_looked_at| Reply::Granted { lease: 10, is_looked_at };
        check_reply(&granted(false), "licwrap=1\nstatus=granted\nlease=10\n\n");
        check_reply(&granted(true), "licwrap=1\nstatus=granted\nlease=10\nlooked_at=yes\n\n");
        check_reply(
            &Reply::Queued { ticket: u64::MAX, place: 2 },
            "licwrap=1\nstatus=queued\nticket=18446744073709551615\nplace=2\n\n",
        );
        check_reply(
            &Reply::Refused { refusal: Refusal::Busy, text: "no seat".into() },
            "licwrap=1\nstatus=refused\nrefusal=busy\ntext=no seat\n\n",
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, why) in [
            ("", "not a message of this version"),
            ("licwrap=2\nop=acquire\n\n", "not a message of this version"),
            ("licwrap=1\nop=dance\n\n", "unknown op"),
            ("licwrap=1\nop=acquire\n\n", "between 1 and 16 features, each once"),
            (
                "licwrap=1\nop=acquire\nfeature=a\nfeature=a:2\n\n",
                "between 1 and 16 features, each once",
            ),
            (
                "licwrap=1\nop=acquire\nfeature=a || b\nfeature=b\n\n",
                "between 1 and 16 features, each once",
            ),
            (
                "licwrap=1\nop=acquire\nfeature=a:0\n\n",
                "a feature has a name and at least one seat",
            ),
            ("licwrap=1\nop=acquire\nfeature=a:b\n\n", "a number of seats follows `:`"),
            ("licwrap=1\nop=acquire\nfeature=a\nwait=maybe\n\n", "wait is yes or no"),
        ] {
            assert_eq!(Request::decode(text), Err(Malformed(why)), "{text:?}");
        }
    }
}
