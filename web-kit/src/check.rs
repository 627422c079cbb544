//! Checks for the tests of each binary.
