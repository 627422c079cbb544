//! Named places where a test may kill the process.
//!
//! Only the feature `armed` compiles them in; the binaries' feature `fault-points` turns it on. Then `MUSTER_FAULT=name` or
//! `name@N` aborts the process at the first or Nth passing of that place, as `kill -9` would, after the name was appended to
//! the file that `MUSTER_FAULT_LOG` names. Nothing of ours is imported, and nothing else is in here.

/// Marks a place by name.
#[macro_export]
macro_rules! fault_point {
    ($name:literal) => {
        $crate::reached($name);
    };
}

/// Nothing: this build has no such places.
#[cfg(not(feature = "armed"))]
#[inline(always)]
pub const fn reached(_: &str) {}

/// Counts a passing and aborts if it is the one.
#[cfg(feature = "armed")]
pub fn reached(name: &str) {
    use std::io::Write as _;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// `cargo xtask dist` refuses a binary that holds this text.
    #[used]
    static TEST_ONLY: [u8; 29] = *b"muster-test-only:fault-points";
    static PLAN: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);

    let plan = PLAN.get_or_init(|| {
        let text = std::env::var("MUSTER_FAULT").ok()?;
        Some(match text.split_once('@') {
            Some((name, nth)) => (name.to_owned(), nth.parse().unwrap_or(1)),
            None => (text, 1),
        })
    });
    let Some((wanted, nth)) = plan else { return };
    if wanted != name || PASSED.fetch_add(1, Ordering::SeqCst) + 1 != *nth {
        return;
    }
    if let Ok(path) = std::env::var("MUSTER_FAULT_LOG")
        && let Ok(mut file) = std::fs::OpenOptions::new().append(true).create(true).open(path)
    {
        // A log that cannot be written makes the test see that the point was not reached.
        let _ = writeln!(file, "{name}");
        let _ = file.sync_all();
    }
    std::process::abort();
}
