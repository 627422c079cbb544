//! Making a failing run small enough to read.

use std::collections::BTreeSet;

use crate::world::{Plan, STEPS, Violation, run};

/// A run that fails with as few steps as could be found.
#[derive(Debug, Clone)]
pub struct History {
    /// The plan, with the steps that are not needed left out.
    pub plan: Plan,
    /// What it breaks, and what happens until then.
    pub violation: Violation,
}

impl History {
    /// Steps that are left.
    #[must_use]
    pub fn steps(&self) -> usize {
        usize::try_from(STEPS).unwrap_or_default() - self.plan.skip.len()
    }
}

/// Leaves out steps, in ever smaller runs, as long as something still breaks. `None` when nothing breaks at all.
#[must_use]
pub fn shrink(plan: &Plan) -> Option<History> {
    let mut violation = run(plan).err()?;
    let mut skip = plan.skip.clone();
    if let Some(last) = violation.step {
        skip.extend(last + 1..STEPS);
    }
    let mut length = STEPS / 2;
    while length > 0 {
        let mut start = 0;
        while start < STEPS {
            let mut fewer: BTreeSet<u64> = skip.clone();
            fewer.extend(start..(start + length).min(STEPS));
            if fewer.len() > skip.len()
                && let Err(found) = run(&Plan { skip: fewer.clone(), ..plan.clone() })
            {
                (violation, skip) = (found, fewer);
            }
            start += length;
        }
        length /= 2;
    }
    let plan = Plan { skip, told: true, ..plan.clone() };
    let violation = run(&plan).err().unwrap_or(violation);
    Some(History { plan, violation })
}
