//! `device pull`: a clock's log, printed as it comes.

use std::io::{BufWriter, Write};

use device_protocols::row::AttendanceRow;
use device_protocols::zk::{LogPiece, LogSummary};
use serde::Serialize;

use super::session::Session;
use super::{Format, TargetArgs, explain};
use crate::command::context::Context;
use crate::command::exit::Exit;
use crate::control::Refusal;

/// A row as it is printed: the clock's own words.
#[derive(Debug, Serialize)]
struct Row<'a> {
    position: u64,
    user: String,
    /// Wall time, or what the clock said instead of one.
    time: String,
    /// Whether the time exists.
    ok: bool,
    state: Option<u16>,
    verify: Option<u16>,
    work_code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    doubt: Option<String>,
    raw: String,
}

impl<'a> From<&'a AttendanceRow> for Row<'a> {
    fn from(row: &'a AttendanceRow) -> Self {
        Self {
            position: row.position,
            user: row.user.to_string(),
            time: match &row.time {
                Ok(time) => time.format("%Y-%m-%dT%H:%M:%S").to_string(),
                Err(bad) => bad.said().to_owned(),
            },
            ok: row.time.is_ok(),
            state: row.state,
            verify: row.verify,
            work_code: row.work_code.as_deref().unwrap_or_default(),
            doubt: row.doubt.map(|doubt| format!("{doubt:?}").to_lowercase()),
            raw: hex::encode(&*row.raw),
        }
    }
}

/// What is told at the end, on standard error.
#[derive(Debug, Serialize)]
struct End {
    rows: u64,
    counted: Option<u32>,
    whole: bool,
    bad_times: u64,
    doubtful: u64,
}

impl From<&LogSummary> for End {
    fn from(summary: &LogSummary) -> Self {
        Self {
            rows: summary.rows,
            counted: summary.counted,
            whole: summary.is_whole(),
            bad_times: summary.bad_times,
            doubtful: summary.doubtful,
        }
    }
}

/// Prints a clock's log.
pub(super) async fn pull(context: &Context, target: &TargetArgs, format: Format) -> anyhow::Result<Exit> {
    let mut session = Session::open(context, target).await?;
    let address = session.address;
    let trouble = |error| explain::trouble(address, &error);
    let total =
        session.client.sizes().await.map_err(trouble)?.records.map(u64::from).filter(|count| *count > 0);
    let progress = context.output.progress();
    let mut out = Printer::new(format)?;
    let mut log = session.client.attendance(context.clock.now().naive_utc()).await.map_err(trouble)?;
    let mut done = 0;
    while let Some(piece) = log.next().await.map_err(trouble)? {
        match piece {
            LogPiece::Rows(rows) => {
                for row in &rows {
                    if !out.row(row)? {
                        // Whoever read along has seen enough. Dropping the reading frees the clock.
                        return Ok(Exit::Done);
                    }
                }
                done += u64::try_from(rows.len()).unwrap_or(0);
                progress.tell("rows", done, total);
            }
            LogPiece::Raw { offset, bytes } => {
                let note = format!("{} bytes from {offset} on cannot be told apart into rows", bytes.len());
                context.output.note(&note);
            }
        }
    }
    let summary = log.finish().await.map_err(trouble)?;
    out.end()?;
    session.close().await;
    let end = End::from(&summary);
    context.output.note(&if context.output.json {
        serde_json::to_string(&end)?
    } else {
        let odd = match (end.bad_times, end.doubtful) {
            (0, 0) => String::new(),
            (times, doubtful) => format!(" ({times} with a date that does not exist, {doubtful} doubtful)"),
        };
        format!("{} rows{odd}", end.rows)
    });
    if !end.whole {
        let message = format!("{address}: the log came incomplete ({} rows): try again", end.rows);
        return Err(Refusal::unreachable(message).into());
    }
    Ok(Exit::Done)
}

/// Standard output in one of two forms.
enum Printer {
    Lines(BufWriter<std::io::Stdout>),
    Table(Box<csv::Writer<std::io::Stdout>>),
}

impl Printer {
    fn new(format: Format) -> anyhow::Result<Self> {
        let out = std::io::stdout();
        Ok(match format {
            Format::Jsonl => Self::Lines(BufWriter::new(out)),
            Format::Csv => {
                let mut table = csv::Writer::from_writer(out);
                let headings = ["position", "user", "time", "ok", "state", "verify", "work_code", "raw"];
                // It stays in memory until rows follow: who does not read them is noticed then.
                table.write_record(headings)?;
                Self::Table(Box::new(table))
            }
        })
    }

    /// Prints a row; `false` when nobody reads any more.
    fn row(&mut self, row: &AttendanceRow) -> anyhow::Result<bool> {
        let row = Row::from(row);
        let written = match self {
            Self::Lines(out) => serde_json::to_writer(&mut *out, &row)
                .map_err(std::io::Error::from)
                .and_then(|()| out.write_all(b"\n")),
            Self::Table(table) => {
                let code = |code: Option<u16>| code.map(|code| code.to_string()).unwrap_or_default();
                let cells = [
                    row.position.to_string(),
                    plain(&row.user),
                    row.time,
                    row.ok.to_string(),
                    code(row.state),
                    code(row.verify),
                    plain(row.work_code),
                    row.raw,
                ];
                table.write_record(cells).map_err(cause)
            }
        };
        still_read(written)
    }

    fn end(self) -> anyhow::Result<()> {
        let written = match self {
            Self::Lines(mut out) => out.flush(),
            Self::Table(mut table) => table.flush(),
        };
        still_read(written).map(drop)
    }
}

/// The error as the system gave it: its kind tells whether somebody still reads.
fn cause(error: csv::Error) -> std::io::Error {
    let text = error.to_string();
    if let csv::ErrorKind::Io(cause) = error.into_kind() { cause } else { std::io::Error::other(text) }
}

fn still_read(written: std::io::Result<()>) -> anyhow::Result<bool> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// A text that a spreadsheet does not take for a formula: clocks hold what anybody typed.
fn plain(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text.to_owned() }
}
