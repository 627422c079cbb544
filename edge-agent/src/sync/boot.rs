//! Whether this disk is the one that ran last: a token inside the database and outside it.
//!
//! A data folder that was put back from a backup, or copied to another machine, has a history that the cloud may know to
//! go on otherwise. Writing on under its old origin would give numbers out twice. So each start compares what the
//! database says of its last start with what the machine remembers, before anything is logged; where they differ, a new
//! life begins offline. What this check cannot see (a machine's whole image put back), the next hello finds.
//!
//! The token is one small JSON file a data folder, in the machine's state folder, bound to the machine's id. On a
//! machine without a place for it the token lies in the data folder itself and only sees the database being replaced.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use shared_model::Entropy;
use sync_protocol::{Origin, Stream};

use crate::private_file;
use crate::store::{LifeCause, Meta, ReadTx, Store, StoreError};

/// What a machine remembers of the last start of a data folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Token {
    origin: Origin,
    boots: i64,
    hlc: i64,
    machine: String,
}

/// Where machines keep their tokens.
#[derive(Debug, Clone)]
pub struct TokenFile {
    path: PathBuf,
    machine: String,
}

/// What the check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// The first start.
    First,
    /// The disk that ran last.
    Same,
    /// Another: a new life has begun.
    Another {
        /// The new origin.
        origin: Origin,
    },
}

impl TokenFile {
    /// The token of a data folder on this machine. A folder among the temporary ones leaves no trace outside itself.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        let whole = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if whole(folder).starts_with(whole(&std::env::temp_dir())) {
            return Self::within([], folder);
        }
        let state =
            ["/var/lib", "/usr/local/var/lib"].map(PathBuf::from).into_iter().map(|dir| dir.join("muster"));
        let user = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
        let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
        let windows = std::env::var_os("ProgramData").map(PathBuf::from);
        let places = windows.into_iter().map(|dir| dir.join("Muster")).chain(state);
        let places = places.chain(user.or(home).map(|dir| dir.join("muster")));
        Self::within(places, folder)
    }

    /// The token of a data folder in the first of these places that can be written.
    fn within(places: impl IntoIterator<Item = PathBuf>, folder: &Path) -> Self {
        let name = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        let name = format!("{}.boot", &blake3::hash(name.as_os_str().as_encoded_bytes()).to_hex()[..32]);
        // A folder that is there but cannot be written is found out by trying, not by its permissions.
        let writable = |dir: &PathBuf| {
            let probe = dir.join(format!("{name}.try"));
            let tried = fs::create_dir_all(dir).and_then(|()| fs::write(&probe, b""));
            tried.is_ok() && fs::remove_file(&probe).is_ok()
        };
        let place = places.into_iter().find(writable).unwrap_or_else(|| folder.to_owned());
        let machine = ["/etc/machine-id", "/var/lib/dbus/machine-id"].into_iter().find_map(|path| {
            let text = fs::read_to_string(path).ok()?;
            Some(text.trim().to_owned()).filter(|text| !text.is_empty())
        });
        Self { path: place.join(name), machine: machine.unwrap_or_default() }
    }

    fn read(&self) -> Option<Token> {
        serde_json::from_slice(&fs::read(&self.path).ok()?).ok()
    }

    fn keep(&self, token: &Token) {
        let text = serde_json::to_vec(token).map_err(std::io::Error::from);
        if let Err(error) = text.and_then(|text| private_file::write(&self.path, &text)) {
            tracing::warn!(error = %error, path = %self.path.display(), "the boot token cannot be kept");
        }
    }
}

/// Compares the tokens, begins a new life where they differ, and remembers this start.
///
/// To be called after the store was opened and before anything is logged.
///
/// # Errors
/// The store's. A token that cannot be written is logged: the next start then begins a new life without need, which costs
/// only what waits being logged again.
pub fn check(store: &Store, file: &TokenFile, entropy: &dyn Entropy) -> Result<Found, StoreError> {
    let inside = store.read_blocking(|tx| token(tx, file))?;
    let found = match file.read() {
        None if inside.boots <= 1 => Found::First,
        Some(outside) if is_same(&inside, &outside) => Found::Same,
        None | Some(_) => Found::Another { origin: begin_anew(store, inside.origin, entropy)? },
    };
    let now = store.read_blocking(|tx| token(tx, file))?;
    file.keep(&now);
    Ok(found)
}

/// Remembers this start again after the origin changed; a start that was never checked is not remembered.
///
/// # Errors
/// The store's.
pub fn remember(store: &Store, file: &TokenFile) -> Result<(), StoreError> {
    let now = store.read_blocking(|tx| token(tx, file))?;
    if file.read().is_some_and(|known| known.origin != now.origin) {
        file.keep(&now);
    }
    Ok(())
}

/// The database may be ahead of the machine's memory (a token that could not be written), never behind it.
fn is_same(inside: &Token, outside: &Token) -> bool {
    inside.origin == outside.origin
        && inside.machine == outside.machine
        // This start is counted inside already.
        && inside.boots > outside.boots
        && inside.hlc >= outside.hlc
}

fn token(tx: &ReadTx, file: &TokenFile) -> Result<Token, StoreError> {
    let missing = || StoreError::Missing { what: "origin", id: "meta".to_owned() };
    Ok(Token {
        origin: tx.meta(Meta::ORIGIN)?.ok_or_else(missing)?,
        boots: tx.meta(Meta::BOOTS)?.unwrap_or(0),
        hlc: tx.meta(Meta::HLC)?.unwrap_or_default().number(),
        machine: file.machine.clone(),
    })
}

fn begin_anew(store: &Store, former: Origin, entropy: &dyn Entropy) -> Result<Origin, StoreError> {
    let origin = Origin::mint(entropy);
    tracing::warn!(former = %former, origin = %origin, "this disk is not the one that ran last here: a new life begins");
    store.write_blocking(move |tx| {
        // What this copy knows to be in the cloud is common; the rest is logged again.
        let acked = |stream| Ok::<_, StoreError>((stream, tx.stream(stream)?.acked));
        let common: BTreeMap<Stream, i64> = Stream::ALL.into_iter().map(acked).collect::<Result<_, _>>()?;
        tx.re_origin(former, origin, &common)?;
        let heads = Stream::ALL.into_iter().map(|stream| Ok::<_, StoreError>(tx.stream(stream)?.head));
        let relogged = heads.sum::<Result<i64, _>>()?;
        tx.note_new_life(LifeCause::Replaced, former, relogged)
    })?;
    Ok(origin)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::clock::OsEntropy;
    use crate::store::FILE;
    use crate::store::tests::open;

    fn start(data: &TempDir, state: &TempDir) -> Found {
        let store = open(data);
        let file = TokenFile::within([state.path().join("muster")], data.path());
        let found = check(&store, &file, &OsEntropy).unwrap();
        store.close();
        found
    }

    fn origin(data: &TempDir) -> Origin {
        let store = open(data);
        let origin = store.read_blocking(|tx| tx.meta(Meta::ORIGIN)).unwrap().unwrap();
        store.close();
        origin
    }

    #[test]
    fn the_disk_that_ran_last_goes_on() {
        let (data, state) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        assert_eq!(start(&data, &state), Found::First);
        let first = origin(&data);
        assert_eq!(start(&data, &state), Found::Same, "a start without a check in between does no harm");
        assert_eq!(start(&data, &state), Found::Same);
        assert_eq!(origin(&data), first);
    }

    #[test]
    fn a_database_put_back_from_a_copy_begins_a_new_life() {
        let (data, state) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        start(&data, &state);
        let first = origin(&data);
        let copy = data.path().join("copy");
        fs::copy(data.path().join(FILE), &copy).unwrap();
        start(&data, &state);
        start(&data, &state);
        fs::copy(&copy, data.path().join(FILE)).unwrap();
        let found = start(&data, &state);
        assert!(matches!(found, Found::Another { .. }), "{found:?}");
        assert_ne!(origin(&data), first);
        let store = open(&data);
        let life = store.read_blocking(ReadTx::new_life).unwrap().unwrap();
        store.close();
        assert_eq!((life.cause, life.former), (LifeCause::Replaced, first), "it is told");
        assert_eq!(start(&data, &state), Found::Same);
    }

    #[test]
    fn a_data_folder_on_another_machine_begins_a_new_life() {
        let (data, state) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        start(&data, &state);
        start(&data, &state);
        let elsewhere = TempDir::new().unwrap();
        assert!(matches!(start(&data, &elsewhere), Found::Another { .. }));
    }

    #[test]
    fn without_a_place_on_the_machine_the_token_lies_in_the_data_folder() {
        let data = TempDir::new().unwrap();
        let blocked = data.path().join("file");
        fs::write(&blocked, "").unwrap();
        let file = TokenFile::within([blocked.join("muster")], data.path());
        assert_eq!(file.path.parent(), Some(data.path()));
    }
}
