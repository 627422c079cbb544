//! `muster-edge`.
