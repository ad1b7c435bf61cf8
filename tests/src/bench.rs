//! Measurements with the real programs: what a run costs under licwrap and under what people use today, and what the seat
//! server can take. Figures and goals are printed; nothing here passes or fails, and the harness's stories use none of it.

pub mod figure;

pub mod memory;

pub mod monitor;

pub mod tools;

pub mod peers;

pub mod launch;

pub mod handover;

pub mod rate;

pub mod held;

pub mod year;

pub mod pages;
