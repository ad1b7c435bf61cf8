//! Connections: bounded in number, size and time, and ended within a deadline at stop. Knows nothing of what is served.

use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::{sleep, timeout},
};
use tracing::{debug, warn};

/// Connections served at one time; further ones wait in the kernel's queue.
pub const CONNECTIONS_MAX: u32 = 512;
/// Time for a client to send the head of a request; an idle connection is closed after it too.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// Headers of one request.
const HEADERS_MAX: usize = 64;
/// Bytes buffered for one connection, which bounds the head of a request.
const BUFFER_BYTES_MAX: usize = 16 << 10;
/// Time for requests in progress to be answered after stop.
const STOP_GRACE: Duration = Duration::from_millis(1500);
/// Time for a client to take what we sent; one that reads nothing, or is gone without a word, is cut off after it.
const UNREAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause after the kernel refused a connection, as when descriptors ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The address of ours that a client dialled.
#[derive(Clone, Copy, Debug)]
pub struct Dialled(pub SocketAddr);

/// Serves `router` on `listener` until `stop` resolves, then lets requests in progress end within `STOP_GRACE`.
pub async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let (stopping, stopped) = watch::channel(());
    let free = Arc::new(Semaphore::new(CONNECTIONS_MAX as usize));
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
    if timeout(STOP_GRACE, free.acquire_many(CONNECTIONS_MAX)).await.is_err() {
        warn!("some connections were cut off at stop");
    }
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
