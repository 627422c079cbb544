//! What time alone changes: a new date begins, a window closes, a clock catches up.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use shared_model::{ClockSerial, EmployeeId};
use shift_engine::{Directory, Instant};

use super::Attendance;
use crate::store::{DateSpan, ReadTx, RecomputeScope, Settling, SiteSpan, StoreError};

/// Rows put into the queue in one transaction.
const PORTION: usize = 2000;

/// Up to where each clock has been read.
pub(super) fn read_to(tx: &ReadTx) -> Result<HashMap<ClockSerial, Instant>, StoreError> {
    let states = tx.device_states()?;
    let known = states.into_iter().filter_map(|state| {
        let serial = ClockSerial::parse(&state.serial).ok()?;
        Some((serial, Instant::from(state.through?)))
    });
    Ok(known.collect())
}

impl Attendance {
    /// Asks for everybody's day once it begins, so that who does not come is known; and for the days by which the site's
    /// beginning moves, when a clock brings older punches.
    pub(super) fn ask_for_new_dates(&mut self, now: DateTime<Utc>) -> Result<(), StoreError> {
        let Some(rules) = &self.rules else { return Ok(()) };
        let (known, dates) =
            self.store.read_blocking(move |tx| Ok((tx.attendance_sites()?, tx.clock_dates(now)?)))?;
        for (id, site) in rules.directory.sites() {
            let Some(since) = site.began(&dates).map(|began| began.begins) else { continue };
            let (today, label) = (site.date(now.into()), site.book().label());
            let before = known.get(&id).cloned().unwrap_or_default();
            let mut spans = Vec::new();
            match before.since {
                None => spans.push((since, today)),
                Some(known) if known == since => {}
                Some(known) => {
                    let last = known.max(since);
                    spans.push((known.min(since), last.pred_opt().unwrap_or(last)));
                }
            }
            if before.until.is_some_and(|until| until < today) {
                spans.push((before.until.and_then(|until| until.succ_opt()).unwrap_or(today), today));
            }
            let after = SiteSpan { since: Some(since), until: Some(today), rules: label };
            if after == before {
                continue;
            }
            self.store.write_blocking(move |tx| {
                for (from, to) in spans {
                    tx.ask_recompute(&RecomputeScope::Site(id), DateSpan { from: Some(from), to: Some(to) })?;
                }
                tx.set_attendance_site(id, &after)
            })?;
        }
        Ok(())
    }

    /// Asks for provisional days that can be final now: their wait is over and every clock has been read past them.
    pub(super) fn ask_for_settled(&mut self, now: DateTime<Utc>) -> Result<(), StoreError> {
        let Some(rules) = &self.rules else { return Ok(()) };
        let (settling, read_to) =
            self.store.read_blocking(move |tx| Ok((tx.settling(now)?, read_to(tx)?)))?;
        let settled = settled(&rules.directory, &settling, &read_to);
        for portion in settled.chunks(PORTION) {
            let portion = portion.to_vec();
            self.store.write_blocking(move |tx| {
                for (employee, date) in portion {
                    tx.ask_recompute(&RecomputeScope::Employee(employee), DateSpan::day(date))?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}

fn settled(
    directory: &Directory,
    settling: &[Settling],
    read_to: &HashMap<ClockSerial, Instant>,
) -> Vec<(EmployeeId, NaiveDate)> {
    let sites: HashMap<_, _> = directory.sites().map(|(id, site)| (id, site.completeness(read_to))).collect();
    let is_settled = |day: &&Settling| {
        let past = Instant::from_unix(day.closes.timestamp() + 1);
        sites.get(&day.site).is_some_and(|clocks| clocks.waits_for(past).is_none())
    };
    settling.iter().filter(is_settled).map(|day| (day.employee, day.date)).collect()
}
