//! What the pages and the command line both do: each act stands here once, as one transaction.

pub mod clock;
pub mod founding;
pub mod people;
pub mod rule;
