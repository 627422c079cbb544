//! Attendance in the database: who owns which punch, what the engine needs, what it gave.
//!
//! Everything is set-based: a portion of people costs the same number of statements as one person.

pub mod employment;
pub mod intake;
pub mod load;
pub mod save;
pub mod site;
