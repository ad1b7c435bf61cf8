//! Whether a license server serves, from what its members, its vendor daemons and its messages say.

use lic_protocol::{
    snapshot::{Daemon, Member, Snapshot},
    view::ServerState,
};

/// Members of a FlexNet set of redundant servers, and how many of them must be up for it to serve.
///
/// Source: "Three-Server Redundancy" in the vendor's "License Administration Guide".
const REDUNDANT: usize = 3;
const QUORUM: usize = 2;

/// Machines and vendor daemons that serve together, as one block of an answer shows them.
#[derive(Default)]
pub(super) struct Block {
    /// Its machines.
    pub(super) members: Vec<Member>,
    /// Its vendor daemons.
    pub(super) daemons: Vec<Daemon>,
}

/// Puts the blocks into the snapshot, and sets its state and error. `told` is a message of the program that could not ask, and
/// `program` is whose answer it should be.
pub(super) fn judge(
    snapshot: &mut Snapshot,
    blocks: Vec<Block>,
    told: Option<String>,
    program: &str,
) {
    let states: Vec<ServerState> = blocks.iter().map(state).collect();
    for block in blocks {
        snapshot.servers.extend(block.members);
        snapshot.daemons.extend(block.daemons);
    }
    let is = |state: ServerState| states.contains(&state);
    let has_answer = is(ServerState::Up) || is(ServerState::Degraded);
    snapshot.state = match &told {
        Some(_) if has_answer => ServerState::Degraded,
        Some(_) if snapshot.features.is_empty() => ServerState::Down,
        Some(_) => ServerState::Degraded,
        None if has_answer && is(ServerState::Down) => ServerState::Degraded,
        None if is(ServerState::Degraded) => ServerState::Degraded,
        None if is(ServerState::Down) => ServerState::Down,
        None if has_answer || !snapshot.features.is_empty() => ServerState::Up,
        None => ServerState::Unknown,
    };
    snapshot.error = if snapshot.state == ServerState::Unknown {
        Some(format!("the answer is not what {program} prints of a license server"))
    } else {
        reasons(snapshot, told)
    };
}

fn state(block: &Block) -> ServerState {
    let is_down = |state: ServerState| state == ServerState::Down;
    let up = block.members.iter().filter(|member| !is_down(member.state)).count();
    let daemons_down = block.daemons.iter().filter(|daemon| is_down(daemon.state)).count();
    let needed = if block.members.len() == REDUNDANT { QUORUM } else { 1 };
    let has_no_quorum = !block.members.is_empty() && up < needed;
    let serves_nothing = daemons_down > 0 && daemons_down == block.daemons.len();
    if block.members.is_empty() && block.daemons.is_empty() {
        ServerState::Unknown
    } else if has_no_quorum || serves_nothing {
        ServerState::Down
    } else if up < block.members.len() || daemons_down > 0 {
        ServerState::Degraded
    } else {
        ServerState::Up
    }
}

fn reasons(snapshot: &Snapshot, told: Option<String>) -> Option<String> {
    let members = snapshot.servers.iter().filter(|member| member.state == ServerState::Down);
    let members = members.map(|member| {
        let why = member.error.as_deref().unwrap_or("is down");
        format!("license server {}: {why}", member.host)
    });
    let daemons = snapshot.daemons.iter().filter(|daemon| daemon.state == ServerState::Down);
    let daemons = daemons.map(|daemon| {
        let why = daemon.error.as_deref().unwrap_or("is down");
        format!("vendor daemon {}: {why}", daemon.name)
    });
    let all: Vec<String> = told.into_iter().chain(members).chain(daemons).collect();
    (!all.is_empty()).then(|| all.join("; "))
}
