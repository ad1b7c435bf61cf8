//! Which license systems' answers were read from a real license server: the only list. All others are read after documented samples.

/// Their names.
const TRIED: [&str; 1] = ["flexlm"];

/// What is said of the others.
pub const NOT_TRIED: &str = "not tried on a real server";

/// Whether answers of this license system were read from a real license server.
#[must_use]
pub fn is_tried(system: &str) -> bool {
    TRIED.contains(&system)
}
