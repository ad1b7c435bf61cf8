//! `format` as filters for templates; nothing is decided here.
#![expect(
    unreachable_pub,
    clippy::inline_always,
    clippy::unnecessary_wraps,
    clippy::unused_self,
    reason = "the attribute decides the shape of these functions"
)]

use std::fmt::Display;

use askama::{Result, Values};
use jiff::Timestamp;

use crate::format;

/// A name or a text from outside.
#[askama::filter_fn]
pub(crate) fn shown(text: impl Display, _: &dyn Values) -> Result<String> {
    Ok(format::shown(&text.to_string()))
}

/// A whole number.
#[askama::filter_fn]
pub(crate) fn count(number: impl Display, _: &dyn Values) -> Result<String> {
    Ok(format::count(number))
}

/// A time in UTC.
#[askama::filter_fn]
pub(crate) fn utc(at: &Timestamp, _: &dyn Values) -> Result<String> {
    Ok(format::utc(*at))
}

/// A time for a machine.
#[askama::filter_fn]
pub(crate) fn rfc3339(at: &Timestamp, _: &dyn Values) -> Result<String> {
    Ok(lic_protocol::time::rfc3339(*at))
}
