//! Where things are by default, once.

/// The configuration of a system install.
pub const CONFIG_SYSTEM: &str = "/etc/licwrap/licwrap.toml";
/// Files about single tools that licwrap itself reads; root's.
pub const TOOLS_SYSTEM: &str = "/etc/licwrap.d";
/// Databases of a system install.
pub const STATE_SYSTEM: &str = "/var/lib/licmon";
/// Socket and seat tokens of a system install.
pub const RUNTIME_SYSTEM: &str = "/run/licmon";
/// What is active now, in the state folder.
pub const LIVE_DB: &str = "license_manager.db";
/// Everything that ever happened, in the state folder.
pub const HISTORY_DB: &str = "history.db";
/// Held by the one process that writes the databases, in the state folder.
pub const STORE_LOCK: &str = "store.lock";
/// The socket licwrap speaks to, in the runtime folder.
pub const SEAT_SOCKET: &str = "seat.sock";
/// The folder of seat tokens and leases, in the runtime folder.
pub const SEATS: &str = "seat";
/// The folder of what licwrap may know of each tool, in the runtime folder.
pub const TOOLS: &str = "tools";
/// The folder of runs while the monitor is away, in the state folder.
pub const SPOOL: &str = "spool";
/// The folder of ours in somebody's runtime folder.
pub const RUNTIME_USER: &str = "licmon";
/// Longest path of a Unix socket, in bytes. Source: unix(7), `sun_path` less its closing zero.
pub const SOCKET_PATH_BYTES_MAX: usize = 107;
