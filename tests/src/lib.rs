//! What the system tests, the demo and the benchmarks share: real processes, a real PostgreSQL, a real browser.
//!
//! Nothing here replaces a part of the product. A test starts the binaries that are shipped, reads what they did
//! at its source (the clocks' own lists, the edge's file, the cloud's database), and compares.

pub mod album;
pub mod bench;
pub mod binary;
pub mod browser;
pub mod clock;
pub mod cloud;
pub mod cloud_edge;
pub mod cloud_http;
pub mod cloud_pages;
pub mod cloud_people;
pub mod demo;
pub mod edge;
pub mod fault;
pub mod folder;
pub mod http;
pub mod ledger;
pub mod memory;
pub mod pages;
pub mod palette;
pub mod postgres;
pub mod process;
pub mod product;
pub mod promise;
pub mod proxy;
pub mod pyzk;
pub mod seed;
pub mod sent;
pub mod setup;
pub mod shift_case;
pub mod showcase;
pub mod wait;
