//! A simulated clock's push side.
