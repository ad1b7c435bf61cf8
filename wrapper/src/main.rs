//! licwrap's entry: hands C's arguments over, and nothing else. There is no Rust runtime before it, so no signal and no
//! descriptor is touched.
#![no_main]
#![expect(unsafe_code, reason = "C's main has C's arguments")]

use std::ffi::{c_char, c_int};

#[unsafe(no_mangle)]
extern "C" fn main(count: c_int, list: *const *const c_char) -> c_int {
    // SAFETY: these are main's own arguments, which live as long as the process.
    let arguments = unsafe { licwrap::os::arguments(count, list) };
    licwrap::run::run(&arguments, &licwrap::os::environment())
}
