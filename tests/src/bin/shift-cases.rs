//! `cargo run -p system-tests --bin shift-cases -- FILE`: runs attendance cases through the shift engine.
//!
//! Prints one line a failing key, one line a case that is not supported, and last the counts; ends with 1 where any
//! case failed.
#![expect(clippy::print_stdout, reason = "a command-line tool talks on its standard streams")]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser;
use system_tests::shift_case::{self, File, Verdict};

#[derive(Parser)]
struct Arguments {
    /// A file of cases.
    file: PathBuf,
}

fn main() -> Result<ExitCode> {
    let Arguments { file } = Arguments::parse();
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let cases: File =
        serde_json::from_str(&text).with_context(|| format!("{} is no file of cases", file.display()))?;
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for case in &cases.cases {
        let (id, verdict) = shift_case::run(case);
        match verdict {
            Verdict::Passed => passed += 1,
            Verdict::Failed(mismatches) => {
                failed += 1;
                for one in mismatches {
                    println!("{id}: {}: expected {}, got {}", one.key, one.expected, one.got);
                }
            }
            Verdict::Skipped(missing) => {
                skipped += 1;
                println!("{id}: not supported: {missing}");
            }
        }
    }
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
