//! The command line through the real binary, against real folders, a real agent and simulated clocks.
#![cfg(unix)]

#[cfg(test)]
mod account;
#[cfg(test)]
mod agent;
#[cfg(test)]
mod approvals;
#[cfg(test)]
mod clock;
#[cfg(test)]
mod config;
#[cfg(test)]
mod folder;
#[cfg(test)]
mod import;
#[cfg(test)]
mod record;
