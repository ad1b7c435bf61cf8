//! The listening socket: made here, or taken over from a monitor that died. `manager` has the one that a service manager keeps.

use std::{
    fs, io,
    os::{
        fd::OwnedFd,
        unix::fs::{FileTypeExt, PermissionsExt},
    },
    path::Path,
};

use anyhow::{Context, bail, ensure};
use lic_protocol::paths::SOCKET_PATH_BYTES_MAX;
use rustix::{
    io::Errno,
    net::{
        AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, socket_with,
    },
};

/// Connections that may wait to be accepted: every licwrap of a large job that starts at once.
pub const BACKLOG: i32 = 4096;

/// A socket that listens at `path`, open to every user of this host: who they are is the kernel's to say.
///
/// # Errors
/// When another monitor listens there, or the path is no place for a socket.
pub(super) fn listener(path: &Path) -> anyhow::Result<OwnedFd> {
    let length = path.as_os_str().len();
    ensure!(
        length <= SOCKET_PATH_BYTES_MAX,
        "the socket's path {} has {length} bytes, a Unix socket has at most {SOCKET_PATH_BYTES_MAX}: choose a shorter \
         runtime folder",
        path.display()
    );
    remove_abandoned(path)?;
    let address = SocketAddrUnix::new(path)?;
    let socket = new_socket()?;
    bind(&socket, &address).with_context(|| format!("bind {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o666))
        .with_context(|| format!("open {} to all users", path.display()))?;
    listen(&socket, BACKLOG).with_context(|| format!("listen on {}", path.display()))?;
    Ok(socket)
}

/// Removes a socket on which nobody listens.
fn remove_abandoned(path: &Path) -> anyhow::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.file_type().is_socket() => {}
        Ok(_) => bail!("{} is in the way: it is no socket, move it away", path.display()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("look at {}", path.display())),
    }
    match connect(new_socket()?, &SocketAddrUnix::new(path)?) {
        Err(Errno::CONNREFUSED) => {
            fs::remove_file(path).with_context(|| format!("remove {}", path.display()))
        }
        Err(Errno::NOENT) => Ok(()),
        // A listener whose backlog is full lives.
        Ok(()) | Err(Errno::AGAIN) => {
            bail!("another licmon listens on {}: stop it first", path.display())
        }
        Err(errno) => Err(errno).with_context(|| format!("see who listens on {}", path.display())),
    }
}

fn new_socket() -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?)
}
