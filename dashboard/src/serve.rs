//! Connections: bounded in number, size and time, and ended within a deadline at stop. Knows nothing of what is served.

use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use rustix::{
    net::sockopt::set_tcp_user_timeout,
    process::{Resource, Rlimit, getrlimit, setrlimit},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::{sleep, timeout},
};
use tracing::{debug, warn};

/// Connections served at one time, where the kernel lets us open as many files; further ones wait in the kernel's queue.
pub const CONNECTIONS_MAX: u32 = 4096;
/// Files kept for what is no connection: databases, watches, the log.
const FILES_BESIDE: u64 = 64;
/// Time for a client to send the head of a request; an idle connection is closed after it too.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// Headers of one request.
const HEADERS_MAX: usize = 64;
/// Bytes buffered for one connection, which bounds the head of a request.
const BUFFER_BYTES_MAX: usize = 16 << 10;
/// Time for requests in progress to be answered after stop.
const STOP_GRACE: Duration = Duration::from_millis(1500);
/// Time for a client to take what we sent; one that reads nothing, or is gone without a word, is cut off after it.
const UNREAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after the kernel refused a connection, as when descriptors ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The address of ours that a client dialled.
#[derive(Clone, Copy, Debug)]
pub struct Dialled(pub SocketAddr);

/// Serves `router` on `listener` until `stop` resolves, then lets requests in progress end within `STOP_GRACE`.
pub async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let (stopping, stopped) = watch::channel(());
    let connections_max = connections_max();
    let free = Arc::new(Semaphore::new(connections_max as usize));
    let mut stop = pin!(stop);
    loop {
        let permit = Arc::clone(&free).acquire_owned();
        let next = async { (permit.await, listener.accept().await) };
        let (permit, accepted) = tokio::select! {
            () = &mut stop => break,
            next = next => next,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = connection(stream, router.clone(), stopped.clone());
                tokio::spawn(async move {
                    connection.await;
                    drop(permit);
                });
            }
            Err(error) => {
                warn!(%error, "a connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    drop(stopping);
    if timeout(STOP_GRACE, free.acquire_many(connections_max)).await.is_err() {
        warn!("some connections were cut off at stop");
    }
}

/// As many connections as there may be files, `CONNECTIONS_MAX` at most. Asks for more files where the limit is low and may be
/// raised, as a shell's is.
fn connections_max() -> u32 {
    let wanted = u64::from(CONNECTIONS_MAX) + FILES_BESIDE;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let could = wanted.min(maximum.unwrap_or(wanted));
    if current.is_some_and(|current| current < could) {
        // A service manager may forbid it; the limit then stays as it is.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(could), maximum });
    }
    let files = getrlimit(Resource::Nofile).current.unwrap_or(wanted);
    let connections = files.saturating_sub(FILES_BESIDE).clamp(1, u64::from(CONNECTIONS_MAX));
    u32::try_from(connections).unwrap_or(CONNECTIONS_MAX)
}

/// Answers the requests of one connection until either side ends it.
async fn connection(stream: TcpStream, router: Router, mut stopped: watch::Receiver<()>) {
    let Ok(dialled) = stream.local_addr() else { return };
    // A page is one small answer: waiting to fill a packet would only delay it.
    let _ = stream.set_nodelay(true);
    // Source: tcp(7), TCP_USER_TIMEOUT, which counts a window that stays closed too.
    let unread_ms =
        u32::try_from(UNREAD_TIMEOUT.as_millis()).expect("seconds are few milliseconds");
    let _ = set_tcp_user_timeout(&stream, unread_ms);
    let service = TowerToHyperService::new(router.layer(Extension(Dialled(dialled))));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(HEADERS_MAX)
        .max_buf_size(BUFFER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        // The sender says nothing: it is dropped at stop.
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(%error, "a connection ended early");
    }
}
