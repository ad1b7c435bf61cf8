//! Asking until there is an answer: through the queue, and through a restart of the monitor.

use std::{
    os::fd::RawFd,
    time::{Duration, Instant},
};

use lic_protocol::wire::{Acquire, Refusal, Reply, Request, Wait};

use crate::{
    cli::{Order, Waiting},
    config::Knowledge,
    exec::Seat,
    message,
    policy::{NoSeat, patience, pause},
    request::{ANSWER_S_MAX, Connection, Lost, rest},
};

/// How asking ended.
#[derive(Debug)]
pub enum Answer {
    /// The seats are held.
    Seat(Seat),
    /// They are not, and a sentence about it.
    None(NoSeat, String),
}

/// Asks for seats until they are granted or refused, the time of `-w` is over, or the monitor has been silent for as long
/// as policy has patience. Who shows the token of a seat needs no second one. A waiter whose connection breaks shows its ticket to the next monitor and keeps its place.
#[must_use]
pub fn seats(order: &Order<'_>, knowledge: &Knowledge<'_>, tokens: &[RawFd]) -> Answer {
    let mut asking = Asking::new(order, tokens);
    let mut silent_until = None;
    let mut attempts = 0;
    loop {
        let why = match asking.once(&knowledge.socket) {
            Turn::Ended(answer) => return answer,
            Turn::Silent(why) => why,
        };
        asking.is_again = true;
        if asking.was_heard {
            silent_until = None;
            attempts = 0;
        }
        let now = Instant::now();
        let until = *silent_until.get_or_insert_with(|| now + asking.patience(knowledge));
        if until <= now {
            return Answer::None(NoSeat::Silent, why.to_owned());
        }
        if asking.deadline.is_some_and(|deadline| deadline <= now) {
            return Answer::None(NoSeat::WaitedOut, String::new());
        }
        if attempts == 0 {
            message::reconnecting(order, why);
        }
        rest(pause(attempts).min(asking.left(until)));
        attempts += 1;
    }
}

/// What the monitor says would come of asking, and why it would refuse.
///
/// # Errors
/// When it is away; why, for people.
pub fn words(
    order: &Order<'_>,
    knowledge: &Knowledge<'_>,
) -> Result<(Option<Refusal>, String), &'static str> {
    let asking = Asking::new(order, &[]);
    let answer = || {
        let mut connection = Connection::open(&knowledge.socket)?;
        connection.send(&Request::Explain(asking.acquire()).encode(), &[])?;
        connection.first_reply(asking.first_reply_limit())
    };
    match answer() {
        Ok(Reply::Done { text }) => Ok((None, text)),
        Ok(Reply::Refused { refusal, text }) => Ok((Some(refusal), text)),
        Ok(_) => Err("it answers something else"),
        Err(Lost::Broken(why)) => Err(why),
        Err(Lost::TimedOut) => Err("it takes too long"),
    }
}

enum Turn {
    Ended(Answer),
    /// The monitor is away; why, for people.
    Silent(&'static str),
}

struct Asking<'a> {
    order: &'a Order<'a>,
    /// Of the runs it is inside of.
    tokens: &'a [RawFd],
    /// The end of `-w`.
    deadline: Option<Instant>,
    ticket: Option<u64>,
    place: Option<u32>,
    /// Whether the latest connection gave a place in the queue.
    was_heard: bool,
    /// Whether an earlier connection ended without an answer, perhaps after one was on its way.
    is_again: bool,
}

impl<'a> Asking<'a> {
    fn new(order: &'a Order<'a>, tokens: &'a [RawFd]) -> Self {
        let deadline = match order.waiting {
            Waiting::For(time) => Instant::now().checked_add(time),
            Waiting::AsConfigured | Waiting::Yes | Waiting::No => None,
        };
        let (ticket, place, was_heard, is_again) = (None, None, false, false);
        Self { order, tokens, deadline, ticket, place, was_heard, is_again }
    }

    /// One connection, to its end.
    fn once(&mut self, socket: &[u8]) -> Turn {
        self.was_heard = false;
        match self.converse(socket) {
            Ok(answer) => Turn::Ended(answer),
            Err(Lost::Broken(why)) => Turn::Silent(why),
            Err(Lost::TimedOut) if self.was_heard => {
                Turn::Ended(Answer::None(NoSeat::WaitedOut, String::new()))
            }
            Err(Lost::TimedOut) => Turn::Silent("it takes too long"),
        }
    }

    fn converse(&mut self, socket: &[u8]) -> Result<Answer, Lost> {
        let mut connection = Connection::open(socket)?;
        connection.send(&self.request(), self.tokens)?;
        let mut reply = connection.first_reply(self.first_reply_limit())?;
        loop {
            match reply {
                Reply::Granted { lease, is_looked_at } => {
                    message::granted(self.order, lease);
                    if is_looked_at {
                        message::looked_at(self.order);
                    }
                    return Ok(Answer::Seat(Seat { lease, token: connection.take_token() }));
                }
                Reply::Refused { refusal, text } => {
                    return Ok(Answer::None(NoSeat::Refused(refusal), text));
                }
                Reply::Queued { ticket, place } => {
                    self.ticket = Some(ticket);
                    self.was_heard = true;
                    self.tell(place);
                }
                Reply::Progress { .. } | Reply::Done { .. } | Reply::Failed { .. } => {
                    return Err(Lost::Broken("it answers something else"));
                }
            }
            reply = connection.reply(self.deadline)?;
        }
    }

    /// `-w` limits waiting for a seat: of the first reply it is no limit, only of those after a place was lost.
    fn first_reply_limit(&self) -> Duration {
        let answer = Duration::from_secs(ANSWER_S_MAX);
        match (self.ticket, self.deadline) {
            (Some(_), Some(deadline)) => {
                answer.min(deadline.saturating_duration_since(Instant::now()))
            }
            _ => answer,
        }
    }

    fn patience(&self, knowledge: &Knowledge<'_>) -> Duration {
        let had_place = self.ticket.is_some();
        let absence = knowledge.absence();
        patience(had_place, self.order.waiting, absence.on_down, absence.on_down_wait)
    }

    fn request(&self) -> String {
        Request::Acquire(self.acquire()).encode()
    }

    fn acquire(&self) -> Acquire {
        Acquire {
            choices: self.order.choices.clone(),
            wait: match self.order.waiting {
                Waiting::AsConfigured => Wait::AsConfigured,
                Waiting::Yes | Waiting::For(_) => Wait::Yes,
                Waiting::No => Wait::No,
            },
            tool: self.order.tool_name.clone(),
            project: self.order.project.clone(),
            is_supervised: self.order.is_supervised,
            ticket: self.ticket,
            is_again: self.is_again,
        }
    }

    fn tell(&mut self, place: u32) {
        if self.place.replace(place) != Some(place) {
            message::queued(self.order, place);
        }
    }

    /// The time until `until`, or until the end of `-w` if that is sooner.
    fn left(&self, until: Instant) -> Duration {
        let end = self.deadline.map_or(until, |deadline| deadline.min(until));
        end.saturating_duration_since(Instant::now())
    }
}
