//! Punches that the cloud sends down: a worker's at another site, approved phone punches, corrections.
//!
//! They are in the ledger like any other and in no log to the cloud, which has them. They reach their owners by a queue of
//! their own, which the intake reads beside the delivery logs.

use shared_model::{ClockSerial, EmployeeId, Punch, PunchId};
use sync_protocol::LedgerEntry;

use crate::store::ledger::{self, Seen};
use crate::store::{DateSpan, RecomputeScope, StoreError, StoreEvent, WriteTx, ledger_log};

/// Punches written into the log at a time.
const PORTION: u32 = 1000;

impl WriteTx {
    /// Takes a punch of the feed; another reading of one that the ledger has becomes an observation.
    pub(super) fn take_fed(&self, punch: &Punch) -> Result<(), StoreError> {
        if !self.enter_fed(punch)? {
            return Ok(());
        }
        let date = DateSpan::day(punch.raw_time.wall().date());
        let granted = matches!(punch.serial.as_str(), ClockSerial::MOBILE | ClockSerial::CORRECTION);
        let scope = match punch.user_code.as_str().parse::<EmployeeId>() {
            Ok(employee) if granted => RecomputeScope::Employee(employee),
            Ok(_) | Err(_) => RecomputeScope::Code(punch.user_code.clone()),
        };
        self.ask_recompute(&scope, date)?;
        self.tell(StoreEvent::Punches { serial: punch.serial.clone(), new: 1 });
        Ok(())
    }

    /// Stores it; whether the ledger or what is known of its readings grew.
    fn enter_fed(&self, punch: &Punch) -> Result<bool, StoreError> {
        let clock = self.clock_id(&punch.serial)?;
        let mut insert = self.connection.prepare_cached(ledger::INSERT)?;
        if self.insert_punch(&mut insert, clock, punch)? {
            self.connection
                .prepare_cached("INSERT INTO feed_punch (punch) VALUES (?1)")?
                .execute([punch.id])?;
            return Ok(true);
        }
        Ok(matches!(self.observe(punch.id, punch)?, Some(Seen::Otherwise(_))))
    }

    /// Writes the punches of the feed into the log to the cloud.
    pub(super) fn log_fed(&self) -> Result<(), StoreError> {
        loop {
            let mut query = self
                .connection
                .prepare_cached("SELECT punch FROM feed_punch WHERE logged = 0 ORDER BY punch LIMIT ?1")?;
            let ids = query.query_map([PORTION], |row| row.get(0))?.collect::<Result<Vec<PunchId>, _>>()?;
            if ids.is_empty() {
                return Ok(());
            }
            for id in ids {
                if let Some(punch) = ledger_log::punch_of(&self.connection, id)? {
                    self.log_ledger_entry(&LedgerEntry::Punch(punch), 0)?;
                }
                self.connection
                    .prepare_cached("UPDATE feed_punch SET logged = 1 WHERE punch = ?1")?
                    .execute([id])?;
            }
        }
    }
}
