//! What the agent knows of itself: who it is, how far its logs have come.

use rusqlite::types::{FromSql, FromSqlError, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, ToSql, params};
use shared_model::{CompanyId, EdgeId, SiteId};
use sync_protocol::{Chain, Hlc, Origin, Stream};

use super::{ReadTx, StoreError, WriteTx};

/// A named value of the table `meta`.
///
/// The type parameter is what is stored under the name.
#[derive(Debug)]
pub struct Meta<T> {
    name: &'static str,
    value: std::marker::PhantomData<T>,
}

impl<T> Clone for Meta<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Meta<T> {}

impl<T> Meta<T> {
    const fn named(name: &'static str) -> Self {
        Self { name, value: std::marker::PhantomData }
    }
}

impl Meta<()> {
    /// The company, once enrolled.
    pub const COMPANY: Meta<CompanyId> = Meta::named("company");
    /// The site this agent stands at.
    pub const SITE: Meta<SiteId> = Meta::named("site");
    /// The enrolment.
    pub const EDGE: Meta<EdgeId> = Meta::named("edge");
    /// The public half of the enrolment's key, 64 hexadecimal digits.
    pub const EDGE_KEY: Meta<String> = Meta::named("edge_key");
    /// The company's key for bundles of people and grants, learnt at enrolment, 64 hexadecimal digits.
    pub const BUNDLE_KEY: Meta<String> = Meta::named("bundle_key");
    /// Where the cloud is.
    pub const CLOUD_URL: Meta<String> = Meta::named("cloud_url");
    /// Set to a reason when the cloud has retired this enrolment; collecting goes on.
    pub const RETIRED: Meta<String> = Meta::named("retired");
    /// This life of this disk: the origin of new log rows.
    pub const ORIGIN: Meta<Origin> = Meta::named("origin");
    /// Times the database was opened for writing.
    pub const BOOTS: Meta<i64> = Meta::named("boots");
    /// The last hybrid time given out; it never goes back.
    pub const HLC: Meta<Hlc> = Meta::named("hlc");
    /// Milliseconds to add to the wall clock to get the cloud's time.
    pub const CLOUD_OFFSET_MS: Meta<i64> = Meta::named("cloud_offset_ms");
    /// When the cloud first told the time, milliseconds UTC by this machine's clock.
    pub const ANCHORED_AT: Meta<i64> = Meta::named("anchored_at");
    /// Number of the last session with the cloud.
    pub const LEASE_NO: Meta<i64> = Meta::named("lease_no");
    /// The cloud's feed epoch.
    pub const FEED_EPOCH: Meta<i64> = Meta::named("feed_epoch");
    /// Place in the cloud's feed up to which pages were applied.
    pub const CURSOR: Meta<i64> = Meta::named("cursor");
    /// The cursor at the last page that had no more behind it.
    pub const CLEAN: Meta<i64> = Meta::named("clean");
    /// Tombstones at or below this place in the feed are gone from the cloud.
    pub const HORIZON: Meta<i64> = Meta::named("horizon");
    /// The snapshot that is wanted or under way, as JSON.
    pub const SNAPSHOT: Meta<String> = Meta::named("snapshot");
    /// Rises with every record that looks another way because of what the cloud told.
    pub const PULLED: Meta<i64> = Meta::named("pulled");
    /// Version of this agent's scope.
    pub const SCOPE_VER: Meta<i64> = Meta::named("scope_ver");
    /// When a session with the cloud last succeeded, milliseconds UTC.
    pub const SYNCED_AT: Meta<i64> = Meta::named("synced_at");
    /// What the last failed session said.
    pub const SYNC_ERROR: Meta<String> = Meta::named("sync_error");
    /// What kind of failure it was, as [`crate::sync::status::Trouble`] names it; means nothing without an error.
    pub const SYNC_TROUBLE: Meta<String> = Meta::named("sync_trouble");
    /// The last new life of this disk, as [`super::NewLife`] in JSON.
    pub const NEW_LIFE: Meta<String> = Meta::named("new_life");
}

/// How far one log stream has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamState {
    /// The life of the disk it belongs to.
    pub origin: Origin,
    /// Which of its logs.
    pub stream: Stream,
    /// Last sequence number written.
    pub head: i64,
    /// Chain hash there.
    pub chain: Chain,
    /// Applied by the cloud.
    pub acked: i64,
    /// Safe in the cloud.
    pub durable: i64,
    /// A segment of a former origin.
    pub closed: bool,
}

/// A value of `meta` on its way in or out.
pub trait MetaValue: Sized {
    /// How it is stored.
    fn store(&self) -> Box<dyn ToSql + '_>;
    /// Reads it back; `None` where it is not one.
    fn load(value: ValueRef<'_>) -> Option<Self>;
}

impl MetaValue for i64 {
    fn store(&self) -> Box<dyn ToSql + '_> {
        Box::new(self)
    }
    fn load(value: ValueRef<'_>) -> Option<Self> {
        value.as_i64().ok()
    }
}

impl MetaValue for String {
    fn store(&self) -> Box<dyn ToSql + '_> {
        Box::new(self)
    }
    fn load(value: ValueRef<'_>) -> Option<Self> {
        value.as_str().ok().map(str::to_owned)
    }
}

impl MetaValue for Origin {
    fn store(&self) -> Box<dyn ToSql + '_> {
        Box::new(self.number())
    }
    fn load(value: ValueRef<'_>) -> Option<Self> {
        value.as_i64().ok().and_then(Self::from_number)
    }
}

impl MetaValue for Hlc {
    fn store(&self) -> Box<dyn ToSql + '_> {
        Box::new(self.number())
    }
    fn load(value: ValueRef<'_>) -> Option<Self> {
        value.as_i64().ok().map(Self::from_number)
    }
}

macro_rules! ids {
    ($($id:ty),+) => {$(
        impl MetaValue for $id {
            fn store(&self) -> Box<dyn ToSql + '_> {
                Box::new(self)
            }
            fn load(value: ValueRef<'_>) -> Option<Self> {
                <Self as FromSql>::column_result(value).ok()
            }
        }
    )+};
}
ids!(CompanyId, SiteId, EdgeId);

struct Loaded<T>(T);

impl<T: MetaValue> FromSql for Loaded<T> {
    fn column_result(value: ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
        T::load(value).map(Self).ok_or(FromSqlError::InvalidType)
    }
}

fn meta<T: MetaValue>(connection: &Connection, which: Meta<T>) -> Result<Option<T>, StoreError> {
    connection
        .prepare_cached("SELECT value FROM meta WHERE name = ?1")?
        .query_row([which.name], |row| row.get::<_, Loaded<T>>(0))
        .optional()
        .map(|found| found.map(|loaded| loaded.0))
        .map_err(|error| {
            if matches!(
                error,
                rusqlite::Error::FromSqlConversionFailure(..) | rusqlite::Error::InvalidColumnType(..)
            ) {
                StoreError::corrupt("meta", "value", which.name, error)
            } else {
                error.into()
            }
        })
}

const STREAM: &str = "SELECT origin, stream, head, chain, acked, durable, closed FROM stream";

fn stream(connection: &Connection, origin: Origin, stream: Stream) -> Result<StreamState, StoreError> {
    let sql = format!("{STREAM} WHERE origin = ?1 AND stream = ?2");
    let mut query = connection.prepare_cached(&sql)?;
    let mut rows = query.query(params![origin.number(), stream.as_str()])?;
    match rows.next()? {
        Some(row) => stream_row(row),
        None => Err(StoreError::Missing { what: "log stream", id: format!("{origin}/{stream}") }),
    }
}

fn stream_row(row: &rusqlite::Row<'_>) -> Result<StreamState, StoreError> {
    let (origin, name): (i64, String) = (row.get(0)?, row.get(1)?);
    let bad = |column| StoreError::corrupt("stream", column, format!("{origin}/{name}"), "out of range");
    let chain: [u8; 16] = row.get(3)?;
    Ok(StreamState {
        origin: Origin::from_number(origin).ok_or_else(|| bad("origin"))?,
        stream: Stream::parse(&name).ok_or_else(|| bad("stream"))?,
        head: row.get(2)?,
        chain: Chain::from_bytes(&chain).map_err(|_| bad("chain"))?,
        acked: row.get(4)?,
        durable: row.get(5)?,
        closed: row.get(6)?,
    })
}

impl ReadTx {
    /// A named value, where it is set.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for a value of another type.
    pub fn meta<T: MetaValue>(&self, which: Meta<T>) -> Result<Option<T>, StoreError> {
        meta(&self.connection, which)
    }

    /// The state of every log stream; behind the present ones those of former origins, the oldest life first.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn streams(&self) -> Result<Vec<StreamState>, StoreError> {
        let sql = format!("{STREAM} ORDER BY closed, life, stream, origin");
        let mut query = self.connection.prepare_cached(&sql)?;
        let mut rows = query.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(stream_row(row)?);
        }
        Ok(found)
    }
}

impl WriteTx {
    /// A named value, where it is set.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for a value of another type.
    pub fn meta<T: MetaValue>(&self, which: Meta<T>) -> Result<Option<T>, StoreError> {
        meta(&self.connection, which)
    }

    /// Sets a named value.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn set_meta<T: MetaValue>(&self, which: Meta<T>, value: &T) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value",
            )?
            .execute(params![which.name, value.store()])?;
        Ok(())
    }

    /// Forgets a named value.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn clear_meta<T>(&self, which: Meta<T>) -> Result<(), StoreError> {
        self.connection.prepare_cached("DELETE FROM meta WHERE name = ?1")?.execute([which.name])?;
        Ok(())
    }

    /// This life of this disk.
    fn origin(&self) -> Result<Origin, StoreError> {
        self.meta(Meta::ORIGIN)?.ok_or(StoreError::Missing { what: "origin", id: "meta".to_owned() })
    }

    /// The present state of one of this origin's streams.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn stream(&self, which: Stream) -> Result<StreamState, StoreError> {
        stream(&self.connection, self.origin()?, which)
    }

    /// Moves a stream's head, and keeps the chain at known places.
    pub(super) fn set_head(&self, state: &StreamState) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE stream SET head = ?3, chain = ?4 WHERE origin = ?1 AND stream = ?2")?
            .execute(params![
                state.origin.number(),
                state.stream.as_str(),
                state.head,
                state.chain.as_bytes()
            ])?;
        if state.head % Chain::MARK_EVERY == 0 {
            self.mark_chain(state)?;
        }
        Ok(())
    }

    /// Keeps the chain at the present head for good.
    pub(super) fn mark_chain(&self, state: &StreamState) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO chain_mark (origin, stream, seq, chain) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            )?
            .execute(params![
                state.origin.number(),
                state.stream.as_str(),
                state.head,
                state.chain.as_bytes()
            ])?;
        Ok(())
    }

    /// Called once when the database is opened: gives a new one its origin and counts the starts.
    pub(super) fn begin_life(&self) -> Result<(), StoreError> {
        if self.meta(Meta::ORIGIN)?.is_none() {
            self.mint_origin()?;
        }
        let boots = self.meta(Meta::BOOTS)?.unwrap_or(0);
        self.set_meta(Meta::BOOTS, &(boots + 1))
    }

    /// Begins a new life: both streams start again at 1 under a new random origin, the former ones stay, closed.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn mint_origin(&self) -> Result<Origin, StoreError> {
        let origin = Origin::mint(self.entropy());
        self.connection.execute("UPDATE stream SET closed = 1", [])?;
        self.begin_logs(origin)?;
        self.set_meta(Meta::ORIGIN, &origin)?;
        Ok(origin)
    }

    /// Begins the logs of a life that follows all others.
    pub(super) fn begin_logs(&self, origin: Origin) -> Result<(), StoreError> {
        let life: i64 =
            self.connection
                .query_row("SELECT coalesce(max(life), 0) + 1 FROM stream", [], |row| row.get(0))?;
        for stream in Stream::ALL {
            self.connection.execute(
                "INSERT INTO stream (origin, stream, chain, life) VALUES (?1, ?2, ?3, ?4)",
                params![origin.number(), stream.as_str(), Chain::start(origin, stream).as_bytes(), life],
            )?;
        }
        Ok(())
    }

    /// The next hybrid time; it rises even when the wall clock goes back.
    pub(super) fn next_hlc(&self) -> Result<Hlc, StoreError> {
        let next = self.meta(Meta::HLC)?.unwrap_or_default().next(self.clock().now() + self.cloud_offset()?);
        self.set_meta(Meta::HLC, &next)?;
        Ok(next)
    }
}
