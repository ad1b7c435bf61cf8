//! Called by the name of a tool: through a link, or in the tool's own place. /etc/licwrap.d/NAME.conf says which feature it
//! takes (`tool`) and where the tool itself is (`original`); without the latter it is searched further down `PATH`.

use std::ffi::{CStr, CString};

use lic_protocol::{pairs::Pairs, want::Choice};
use nix::{
    sys::stat::stat,
    unistd::{AccessFlags, access},
};

use crate::{
    cli::{self, Mistake, Order, Waiting},
    config::{self, variable},
    exec,
};

/// Our own name; by any other we may stand for a tool.
const OWN: &[u8] = b"licwrap";

/// The order that the name stands for. `None` where it is our own, or no file of root's speaks of it: then the arguments are
/// for us.
///
/// # Errors
/// When the tool itself is not to be found.
pub fn order<'a>(
    arguments: &'a [&'a CStr],
    environment: &[&CStr],
) -> Result<Option<Order<'a>>, Mistake> {
    let called = arguments.first().map_or(b"".as_slice(), |name| name.to_bytes());
    let name = cli::base_name(called);
    if name == OWN {
        return Ok(None);
    }
    let Ok(name) = std::str::from_utf8(name) else { return Ok(None) };
    let Some(file) = config::system_pairs(name) else { return Ok(None) };
    let feature = file.get("tool").unwrap_or_else(|| name.to_owned());
    Ok(Some(Order {
        choices: vec![Choice::of(&feature)],
        waiting: Waiting::AsConfigured,
        exit_code: None,
        project: None,
        is_verbose: false,
        is_supervised: false,
        denied: None,
        called: Some(name.to_owned()),
        program: Some(original(name, &file, environment)?),
        tool_name: name.to_owned(),
        tool: arguments,
    }))
}

/// The tool itself, which is never this program again.
fn original(name: &str, file: &Pairs, environment: &[&CStr]) -> Result<CString, Mistake> {
    let own = stat("/proc/self/exe").ok().map(|own| (own.st_dev, own.st_ino));
    let is_own = |path: &CStr| stat(path).ok().map(|file| (file.st_dev, file.st_ino)) == own;
    if let Some(original) = file.get("original") {
        let path = CString::new(original).unwrap_or_default();
        return if is_own(&path) {
            Err(Mistake::new("the original of the tool is licwrap itself", path.to_bytes()))
        } else {
            Ok(path)
        };
    }
    let path = variable(environment, "PATH").unwrap_or(exec::PATH_DEFAULT);
    let mut candidates: Vec<CString> = exec::candidates(name.as_bytes(), path)
        .into_iter()
        .filter_map(|candidate| CString::new(candidate).ok())
        .filter(|candidate| access(candidate.as_c_str(), AccessFlags::X_OK).is_ok())
        .collect();
    // Only what comes after us: two copies of licwrap must not find each other.
    if let Some(at) = candidates.iter().position(|candidate| is_own(candidate)) {
        candidates.drain(..=at);
    }
    let found = candidates.into_iter().find(|candidate| !is_own(candidate));
    found
        .ok_or_else(|| Mistake::new("the tool itself is not found behind licwrap", name.as_bytes()))
}
