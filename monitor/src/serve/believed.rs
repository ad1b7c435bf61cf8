//! What the live database shows of tools when the monitor starts: whatever of it is not so any more is over.

use lic_protocol::{
    name::ServerName,
    query::{Filter, LIMIT_MAX, Which},
    view::Source,
};
use lic_store::{read::Reader, writer::Writer};

use crate::{
    config::Config,
    server::config::{BelievedSession, BelievedWaiter},
};

/// The sessions that live shows of tools: of those that went around the wrapper, and of those that hold a lease.
pub(super) fn believed_sessions(
    config: &Config,
) -> anyhow::Result<(Vec<BelievedSession>, Vec<BelievedSession>)> {
    let reader = Reader::open(&config.databases())?;
    let local = ServerName::local();
    let mut filter = Filter { server: Some(local), limit: LIMIT_MAX, ..Filter::default() };
    let (mut unwrapped, mut held) = (Vec::new(), Vec::new());
    loop {
        let page = reader.sessions(Which::Active, &filter)?;
        for session in page.sessions {
            let kept = if session.source == Source::Process { &mut unwrapped } else { &mut held };
            kept.push(BelievedSession {
                handle: session.handle.unwrap_or_default(),
                feature: session.feature,
                user: session.user,
                host: session.host,
                started: session.started,
            });
        }
        match page.next {
            Some(next) => filter.after = Some(next.parse()?),
            None => return Ok((unwrapped, held)),
        }
    }
}

/// Who waits for tools, as live shows it.
pub(super) fn believed_waiters(writer: &Writer) -> anyhow::Result<Vec<BelievedWaiter>> {
    let waiters = writer.open_waits(&ServerName::local())?.into_iter();
    let waiters = waiters
        .map(|(feature, ticket)| BelievedWaiter { ticket, feature: feature.as_str().into() });
    Ok(waiters.collect())
}
