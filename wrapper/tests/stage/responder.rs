//! A small monitor: accepts on a Unix socket, answers as the test says, and hands out the write end of a pipe as token.

use std::{
    fs::File,
    io::{IoSlice, Read, Write},
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use lic_protocol::wire::{Reply, Request};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};

/// So long a test waits for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// The listening end.
pub(crate) struct Responder {
    socket: PathBuf,
    listener: UnixListener,
    /// Kept as long as the socket in it.
    folder: Option<tempfile::TempDir>,
}

/// One licwrap that has asked.
pub(crate) struct Asker {
    /// What it asked.
    pub(crate) request: Request,
    stream: UnixStream,
}

/// The reading end of a token.
pub(crate) struct Token {
    pieces: Receiver<String>,
    text: String,
}

impl Responder {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut responder = Self::start_at(&folder.path().join("seat.sock"));
        responder.folder = Some(folder);
        responder
    }

    pub(crate) fn start_at(socket: &Path) -> Self {
        let listener = UnixListener::bind(socket).unwrap();
        listener.set_nonblocking(true).unwrap();
        Self { socket: socket.to_owned(), listener, folder: None }
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Whether somebody waits for an answer.
    pub(crate) fn was_asked(&self) -> bool {
        self.listener.accept().is_ok()
    }

    /// The next licwrap, once its request is complete.
    pub(crate) fn accept(&self) -> Asker {
        let mut accepted = None;
        until(|| {
            accepted = self.listener.accept().ok();
            accepted.is_some()
        });
        let mut stream = accepted.unwrap().0;
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut text = String::new();
        while !text.ends_with("\n\n") {
            let mut bytes = [0; 4096];
            let length = stream.read(&mut bytes).unwrap();
            assert!(length > 0, "licwrap left before it had asked");
            text.push_str(str::from_utf8(&bytes[..length]).unwrap());
        }
        Asker { request: Request::decode(&text).unwrap(), stream }
    }
}

impl Asker {
    pub(crate) fn reply(&mut self, reply: &Reply) {
        self.write(&reply.encode());
    }

    pub(crate) fn write(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
    }

    /// Grants, and closes the connection as licmon may.
    pub(crate) fn grant(self, lease: u64) -> Token {
        let (reading, writing) = std::io::pipe().unwrap();
        let text = Reply::Granted { lease, is_looked_at: false }.encode();
        let descriptors = [writing.as_raw_fd()];
        let sent = sendmsg::<()>(
            self.stream.as_raw_fd(),
            &[IoSlice::new(text.as_bytes())],
            &[ControlMessage::ScmRights(&descriptors)],
            MsgFlags::MSG_NOSIGNAL,
            None,
        );
        assert_eq!(sent, Ok(text.len()));
        Token::new(File::from(OwnedFd::from(reading)))
    }

    pub(crate) fn ticket(&self) -> Option<u64> {
        match &self.request {
            Request::Acquire(acquire) => acquire.ticket,
            other => panic!("{other:?}"),
        }
    }

    /// Whether licwrap closes its end.
    pub(crate) fn has_left(&mut self) -> bool {
        matches!(self.stream.read(&mut [0]), Ok(0))
    }
}

impl Token {
    fn new(mut reading: File) -> Self {
        let (sender, pieces) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 256];
            while let Ok(length @ 1..) = reading.read(&mut bytes) {
                let piece = str::from_utf8(&bytes[..length]).unwrap().to_owned();
                if sender.send(piece).is_err() {
                    return;
                }
            }
        });
        Self { pieces, text: String::new() }
    }

    /// The next text that a holder of the token writes to it.
    pub(crate) fn next(&mut self) -> &str {
        self.text = self.pieces.recv_timeout(PATIENCE).unwrap();
        &self.text
    }

    /// Waits until nobody holds the token any more.
    pub(crate) fn wait_for_end(&self) {
        let ended = self.pieces.recv_timeout(PATIENCE).unwrap_err();
        assert_eq!(ended, std::sync::mpsc::RecvTimeoutError::Disconnected);
    }

    /// Whether somebody holds the token.
    pub(crate) fn is_held(&self) -> bool {
        self.pieces.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty)
    }
}

/// Asks until it is so.
#[track_caller]
pub(crate) fn until(mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "waited in vain");
        std::thread::yield_now();
    }
}
