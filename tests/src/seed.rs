//! Randomness of a test: printed, and given again by `MUSTER_SEED`.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// A generator and its seed, printed so that a failure can be run again.
#[must_use]
#[expect(clippy::print_stderr, reason = "the test runner shows what a failing test printed")]
pub fn seeded(test: &str) -> ChaCha8Rng {
    let given = std::env::var("MUSTER_SEED").ok().and_then(|text| text.parse().ok());
    let seed = given.unwrap_or_else(rand::random);
    eprintln!("{test}: MUSTER_SEED={seed}");
    ChaCha8Rng::seed_from_u64(seed)
}
