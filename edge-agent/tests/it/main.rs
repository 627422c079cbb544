//! The agent's collecting side against simulated clocks that speak the real protocols, in one process.

#[cfg(test)]
mod collect;
#[cfg(test)]
mod factory;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod menu;
#[cfg(test)]
mod tail;
#[cfg(test)]
mod time;
#[cfg(test)]
mod trouble;
#[cfg(test)]
mod trust;
