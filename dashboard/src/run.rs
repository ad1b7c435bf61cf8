//! The whole story of the program: configuration, listener, tasks, stop. The only room with a runtime.

use std::io;

use anyhow::Context;
use lic_protocol::log::Log;
use tokio::{
    net::TcpListener,
    runtime,
    signal::unix::{SignalKind, signal},
};
use tracing::info;

use crate::{
    changes::Changes,
    cli::{Cli, Command},
    config::Config,
    host::Hosts,
    manager,
    readers::READERS_MAX,
    router, serve,
    state::App,
};

/// Runs the program to its end.
///
/// # Errors
/// When the configuration is wrong, or the address cannot be listened on.
pub fn run(cli: &Cli, log: &Log) -> anyhow::Result<()> {
    let Command::Serve(options) = &cli.command;
    let config = Config::load(options)?;
    if let Some(file) = &config.log {
        log.keep_in(file);
    }
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(READERS_MAX)
        .build()
        .context("start the runtime")?;
    let ended = runtime.block_on(serve_pages(&config));
    // A question in progress only reads: the program need not stay for its answer.
    runtime.shutdown_background();
    ended
}

async fn serve_pages(config: &Config) -> anyhow::Result<()> {
    let listener = TcpListener::bind(config.listen).await;
    let listener = listener.with_context(|| format!("listen on {}", config.listen))?;
    let listening = listener.local_addr().context("ask for the address we listen on")?;
    let changes = Changes::watch(&config.databases).context("watch the databases")?;
    let hosts = Hosts::new(listening.ip(), &config.hosts, &host_name());
    let app = App::new(&config.databases, changes.number(), hosts);
    info!(address = %listening, live = %config.databases.live.display(),
        configuration = %config.file, "licdash serves http://{listening}/");
    let stop = stop_signal().context("watch for signals")?;
    let alive = tokio::spawn(manager::tell_alive());
    manager::ready();
    serve::serve(listener, router::router(app), async {
        stop.await;
        manager::stopping();
        // The streams of open pages end with it.
        drop(changes);
    })
    .await;
    alive.abort();
    info!("licdash stopped");
    Ok(())
}

/// Resolves at the first SIGTERM or SIGINT.
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_str().unwrap_or_default().to_owned()
}
