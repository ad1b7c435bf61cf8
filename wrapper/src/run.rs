//! The whole story: ask, wait, become the tool.

use std::ffi::{CStr, c_int};

use nix::errno::Errno;

use crate::{
    cli::{self, Call, Order, Waiting},
    config,
    denied::{self, Denied},
    exec, message, named, nested,
    policy::{self, EXIT_FAILED, NoSeat, Verdict},
    request, spool,
    supervise::{self, Side},
    wait::{self, Answer},
};

/// Does what the arguments say, the program's own name first. Returns an exit status, or not at all: then this process is
/// the tool.
#[must_use]
pub fn run(arguments: &[&CStr], environment: &[&CStr]) -> c_int {
    let call = match named::order(arguments, environment) {
        Ok(Some(order)) => Ok(Call::Run(order)),
        Ok(None) => cli::parse(arguments),
        Err(mistake) => Err(mistake),
    };
    let code = match call {
        Ok(Call::Help) => shown(cli::HELP),
        Ok(Call::Version) => shown(cli::VERSION),
        Ok(Call::Run(order)) => run_tool(order, environment),
        Ok(Call::Explain(order)) => explain(&order, environment),
        Err(mistake) => {
            message::mistake(&mistake);
            EXIT_FAILED
        }
    };
    c_int::from(code)
}

fn run_tool(mut order: Order<'_>, environment: &[&CStr]) -> u8 {
    if let Some(errno) = exec::obstacle(order.program(), environment) {
        return not_run(&order, errno);
    }
    let knowledge = config::knowledge(&order.choices, order.called.as_deref(), environment);
    // The file's word does not hold where a refusal would look like it.
    let is_clear =
        |denied: &Denied| !order.exit_code.is_some_and(|code| denied.statuses.contain(code));
    let denied = order.denied.or(knowledge.denied.filter(is_clear));
    order.is_supervised |= denied.is_some();
    if order.is_supervised {
        match supervise::begin(&knowledge.socket, denied) {
            Ok(Side::Tool { again: 0 }) => {}
            Ok(Side::Tool { again }) => order.waiting = queue_again(&order, again),
            Ok(Side::Parent(status)) => return status,
            Err(errno) => {
                message::cannot_supervise(errno);
                return EXIT_FAILED;
            }
        }
    }
    let order = &order;
    let tokens = nested::tokens(environment, &knowledge.socket);
    let (reason, text) = match wait::seats(order, &knowledge, &tokens) {
        Answer::Seat(seat) => {
            return not_run(
                order,
                exec::become_with_seat(order.program(), order.tool, environment, seat),
            );
        }
        Answer::None(reason, text) => (reason, text),
    };
    let absence = knowledge.absence();
    match policy::verdict(reason, absence.on_down, order.waiting, order.exit_code) {
        Verdict::RunUncounted => {
            message::uncounted(order, &knowledge, &text);
            let spool = absence.spool.as_deref().filter(|_| tokens.is_empty());
            let left = spool.and_then(|spool| spool::leave(order, spool));
            let errno = exec::become_tool(order.program(), order.tool, environment);
            if let Some(left) = left {
                left.take_back();
            }
            not_run(order, errno)
        }
        Verdict::Exit(code) => {
            message::no_seat(order, &knowledge, reason, &text);
            code
        }
    }
}

/// The tool itself got no license: after a while, the run goes to the end of the queue, and waits there.
fn queue_again(order: &Order<'_>, again: u32) -> Waiting {
    let pause = denied::pause(again);
    message::queued_again(order, again, pause);
    request::rest(pause);
    if order.waiting == Waiting::AsConfigured { Waiting::Yes } else { order.waiting }
}

fn explain(order: &Order<'_>, environment: &[&CStr]) -> u8 {
    let knowledge = config::knowledge(&order.choices, order.called.as_deref(), environment);
    let (reason, text) = match wait::words(order, &knowledge) {
        Ok((None, text)) => return shown(&text),
        Ok((Some(refusal), text)) => (NoSeat::Refused(refusal), text),
        Err(why) => {
            message::no_seat(order, &knowledge, NoSeat::Silent, why);
            return order.exit_code.unwrap_or(EXIT_FAILED);
        }
    };
    shown(&text);
    match policy::verdict(reason, knowledge.absence().on_down, order.waiting, order.exit_code) {
        Verdict::Exit(code) => code,
        Verdict::RunUncounted => 0,
    }
}

fn not_run(order: &Order<'_>, errno: Errno) -> u8 {
    message::cannot_run(order.program().to_bytes(), errno);
    exec::exit_code(errno)
}

fn shown(text: &str) -> u8 {
    message::print(text);
    0
}
