//! Commands about license servers that are asked for their state.

use clap::Args;
use jiff::Timestamp;
use lic_protocol::name::ServerName;

use super::{first_instant, last_instant};
use crate::{
    answers::Form,
    config::Config,
    poll::{
        PolledServer,
        replay::{self, Wanted},
    },
    table::say,
};

/// What `licmon replay-raw` was asked.
#[derive(Debug, Args)]
pub(super) struct ReplayRaw {
    /// Of this license server.
    #[arg(long, value_name = "NAME")]
    server: Option<String>,
    /// From this day (UTC) or time on.
    #[arg(long, value_name = "TIME", value_parser = first_instant)]
    from: Option<Timestamp>,
    /// To the end of this day (UTC), or before this time.
    #[arg(long, value_name = "TIME", value_parser = last_instant)]
    to: Option<Timestamp>,
    /// At most the newest so many of each server.
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

impl ReplayRaw {
    pub(super) fn run(&self, config: &Config) -> anyhow::Result<()> {
        let wanted = Wanted {
            server: self.server.as_deref().map(ServerName::from),
            from: self.from,
            to: self.to,
            limit: self.limit,
        };
        replay::print(config, &wanted, if self.json { Form::Json } else { Form::Table })
    }
}

/// Says what is asked, by which program, and how often. Arguments may be secrets.
pub(super) fn say_polled(servers: &[PolledServer]) -> anyhow::Result<()> {
    for server in servers {
        let PolledServer { name, system, zone_name, every, timeout, .. } = server;
        let program = server.command.first().map_or("", String::as_str);
        say(&format!(
            "license server    {name} ({system}, times in {zone_name}): {program} asks it every {every:?}, within {timeout:?}"
        ))?;
    }
    Ok(())
}
