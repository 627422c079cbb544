//! What time alone changes: a new date begins, a window closes, a clock catches up.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use shared_model::{ClockSerial, EmployeeId};
use shift_engine::Instant;

use super::Attendance;
use super::rules::Rules;
use crate::store::{DateSpan, Meta, ReadTx, RecomputeScope, Settling, StoreError};

/// Rows put into the queue in one transaction.
const PORTION: usize = 2000;

/// The first date for which anything is worked out.
pub(super) fn since(tx: &ReadTx) -> Result<Option<NaiveDate>, StoreError> {
    Ok(tx.meta(Meta::ATTENDANCE_SINCE)?.and_then(|text| text.parse().ok()))
}

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
    /// Asks for everybody's day once it begins, so that who does not come is known; and for the days before the first
    /// punch that was known, when a clock brings older ones.
    pub(super) fn ask_for_new_dates(&mut self, now: DateTime<Utc>) -> Result<(), StoreError> {
        let Some(rules) = &self.rules else { return Ok(()) };
        let Some(today) = rules.sites().map(|(_, site)| site.date(now)).max() else { return Ok(()) };
        let (known, since, first) = self
            .store
            .read_blocking(|tx| Ok((tx.meta(Meta::ATTENDANCE_DATE)?, since(tx)?, tx.first_punch_date()?)))?;
        let mut spans = Vec::new();
        let begun = known.and_then(|text| text.parse::<NaiveDate>().ok());
        if begun.is_none_or(|begun| begun < today) {
            let from = begun.and_then(|begun| begun.succ_opt()).unwrap_or(today);
            spans.push((Meta::ATTENDANCE_DATE, today, from, today));
        }
        // Attendance begins with the first punch there is, or with the first day there is anybody to come.
        let first = first.map_or(today, |first| first.min(today));
        if since.is_none_or(|since| first < since) {
            spans.push((Meta::ATTENDANCE_SINCE, first, first, since.unwrap_or(today)));
        }
        if spans.is_empty() {
            return Ok(());
        }
        self.store.write_blocking(move |tx| {
            for (meta, value, from, to) in &spans {
                tx.set_meta(*meta, &value.to_string())?;
                tx.ask_recompute(&RecomputeScope::Everyone, DateSpan { from: Some(*from), to: Some(*to) })?;
            }
            Ok(())
        })
    }

    /// Asks for provisional days that can be final now: their wait is over and every clock has been read past them.
    pub(super) fn ask_for_settled(&mut self, now: DateTime<Utc>) -> Result<(), StoreError> {
        let Some(rules) = &self.rules else { return Ok(()) };
        let (settling, read_to) =
            self.store.read_blocking(move |tx| Ok((tx.settling(now)?, read_to(tx)?)))?;
        let settled = settled(rules, &settling, &read_to);
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
    rules: &Rules,
    settling: &[Settling],
    read_to: &HashMap<ClockSerial, Instant>,
) -> Vec<(EmployeeId, NaiveDate)> {
    let sites = rules.sites().map(|(id, site)| (id, site.completeness(read_to)));
    let sites: HashMap<_, _> = sites.collect();
    let is_settled = |day: &&Settling| {
        let past = Instant::from_unix(day.closes.timestamp() + 1);
        sites.get(&day.site).is_some_and(|clocks| clocks.waits_for(past).is_none())
    };
    settling.iter().filter(is_settled).map(|day| (day.employee, day.date)).collect()
}
