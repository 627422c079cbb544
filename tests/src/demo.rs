//! The demonstration: the whole product on three simulated clocks.
//!
//! ```text
//! GATEA   ZKTeco over TCP, 40-byte records; one row with an impossible date
//! GATEB   ZKTeco over TCP, 16-byte records
//! GATEC   ADMS push; sends its whole history a second time
//! ```

pub mod check;
pub mod show;

use anyhow::Result;

use crate::binary::Variant;
use crate::product::Product;
use crate::setup::{self, Crew, ZONE_MINUTES};

/// Workers at each clock.
pub const WORKERS: u32 = 40;
/// The user code of the first worker of the first clock; the others follow.
pub const FIRST_CODE: u32 = 1001;
/// Two weeks of coming and going at each clock.
const RECORDS: u32 = WORKERS * 2 * 14;

/// Live punches of a short run, at each clock.
const LIVE_PUNCHES: u32 = 4;

/// Whether people go on punching.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Live {
    /// A few times at each clock, then no more.
    Some,
    /// Until the demonstration is stopped.
    Endless,
}

/// Starts everything and seeds it: company, site, people, shifts, roster, policy, clocks.
///
/// # Errors
/// When a part does not start.
pub fn start(edge: Variant, live: Live) -> Result<Product> {
    let mut product = Product::start("demo", edge, Variant::Plain)?;
    let crews = [0, 1, 2].map(|gate| Crew { first_code: FIRST_CODE + gate * WORKERS, people: WORKERS });
    setup::factory(&product.edge, product.folder.path(), &crews)?;
    let clocks = [
        ("GATEA", "40", FIRST_CODE),
        ("GATEB", "16v", FIRST_CODE + WORKERS),
        ("GATEC", "40", FIRST_CODE + 2 * WORKERS),
    ];
    for (serial, stride, first) in clocks {
        let (first, workers, records) = (first.to_string(), WORKERS.to_string(), RECORDS.to_string());
        let limit = LIVE_PUNCHES.to_string();
        let mut arguments = vec!["--stride", stride, "--users", &workers, "--first-code", &first];
        arguments.extend(["--records", &records, "--utc-offset-minutes", ZONE_MINUTES, "--every-ms", "2500"]);
        if live == Live::Some {
            arguments.extend(["--live-limit", &limit]);
        }
        match serial {
            "GATEA" => arguments.extend(["--bad-date-row", "17"]),
            "GATEC" => {
                product.add_push(serial, &arguments)?;
                continue;
            }
            _ => {}
        }
        product.add_tcp(serial, &arguments)?;
    }
    Ok(product)
}
