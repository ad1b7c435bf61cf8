//! Arithmetic on sessions, denials and samples. Pure: slices in, figures out; each figure is defined here and nowhere else.

pub mod concurrency;
pub mod figures;
pub mod lengths;
pub mod queue;
pub mod series;
pub mod wait;
