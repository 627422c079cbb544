//! `simulate --from S --seeds N [--mutate RULE]`: runs seeds, tells what broke and how to see it again.
#![expect(clippy::print_stdout, reason = "a command-line tool talks on its standard output")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, bail};
use clap::Parser;
use sync_protocol::mutation::Rule;
use sync_simulator::{Figures, Plan, Violation, run, shrink};

#[derive(Parser)]
#[command(about = "Runs the real sync code under faults, from seeds, against an oracle of its own.")]
struct Arguments {
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// How many seeds.
    #[arg(long, default_value_t = 5000)]
    seeds: u64,
    /// Rules to switch off, to see that it is noticed.
    #[arg(long, value_delimiter = ',')]
    mutate: Vec<String>,
    /// Threads.
    #[arg(long)]
    threads: Option<usize>,
}

fn main() -> Result<()> {
    let Arguments { from, seeds, mutate, threads } = Arguments::parse();
    let mut without = Vec::new();
    for name in &mutate {
        let Some(rule) = Rule::parse(name) else {
            let names: Vec<&str> = Rule::ALL.iter().map(|rule| rule.as_str()).collect();
            bail!("there is no rule {name:?}; there are: {}", names.join(", "));
        };
        without.push(rule);
    }
    if !without.is_empty() && cfg!(not(feature = "mutations")) {
        bail!("this build cannot switch rules off: build it with the feature `mutations`");
    }
    let threads = threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let next = AtomicU64::new(0);
    let all = Mutex::new((Figures::new(), Vec::<(u64, Violation)>::new()));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let nth = next.fetch_add(1, Ordering::Relaxed);
                    if nth >= seeds {
                        break;
                    }
                    let seed = from + nth;
                    let done = run(&Plan { seed, without: without.clone(), ..Plan::default() });
                    let mut all = all.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    match done {
                        Ok(figures) => {
                            figures
                                .into_iter()
                                .for_each(|(what, count)| *all.0.entry(what).or_default() += count);
                        }
                        Err(violation) => all.1.push((seed, violation)),
                    }
                }
            });
        }
    });
    let (figures, mut violations) = all.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    violations.sort_by_key(|(seed, _)| *seed);
    let told: Vec<String> = figures.iter().map(|(what, count)| format!("{count} {what}")).collect();
    println!("{}", told.join(", "));
    let mutation = if mutate.is_empty() { String::new() } else { format!(" --mutate {}", mutate.join(",")) };
    for (seed, violation) in violations.iter().take(20) {
        println!("seed {seed}: {}", violation.what);
        println!("  replay: cargo xtask simulate --from {seed} --seeds 1{mutation}");
    }
    if let Some((seed, _)) = violations.first()
        && let Some(history) = shrink(&Plan { seed: *seed, without: without.clone(), ..Plan::default() })
    {
        println!("seed {seed}, left with {} steps:", history.steps());
        history.violation.story.iter().for_each(|line| println!("  {line}"));
        println!("  {}", history.violation.what);
    }
    println!("{seeds} seeds, {} violations", violations.len());
    if !violations.is_empty() {
        std::process::exit(1);
    }
    Ok(())
}
