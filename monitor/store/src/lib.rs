//! The only code that knows SQLite: two databases, and the rules between them.

pub mod checkpoint;
