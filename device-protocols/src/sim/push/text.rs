//! The lines a simulated clock posts.

use crate::sim::{SimOperation, SimPunch, SimUser};

/// Work code of every pushed punch; the TCP records have none.
const WORK_CODE: u8 = 7;

/// A punch, with the codes of the push side.
pub(super) fn punch(punch: &SimPunch, user: &SimUser) -> String {
    let (state, verify) = (punch.push_state(), punch.method.push_code());
    format!("{}\t{}\t{state}\t{verify}\t{WORK_CODE}\t0\t0\n", user.code, punch.time)
}

/// A user.
pub(super) fn user(user: &SimUser) -> String {
    let privilege = if user.admin { 14 } else { 0 };
    format!(
        "USER PIN={}\tName={}\tPri={privilege}\tPasswd=\tCard=0\tGrp=1\tTZ=0000000000000000\n",
        user.code, user.name
    )
}

/// Something done at the clock.
pub(super) fn operation(operation: &SimOperation) -> String {
    let SimOperation { code, admin, time, objects: [a, b, c, d] } = operation;
    format!("OPLOG {code}\t{admin}\t{time}\t{a}\t{b}\t{c}\t{d}\n")
}
