//! The database, for the JavaScript thread.

use std::time::Duration;

use napi_derive::napi;
use skillsmith_sync::database::OpenOptions;
use skillsmith_sync::{Database, Error};

use crate::border::{Result, border};
use crate::variables::{Variables, environment};

/// How long a short call waits for the write lock: SQLite's wait blocks the event loop.
const BUSY_BUDGET: Duration = Duration::from_millis(100);

/// Several servers may start at once on a new file. But the one that writes may be another
/// connection of this very thread, which cannot go on before we return.
const OPEN_BUDGET: Duration = Duration::from_secs(1);

#[napi(js_name = "NativeDatabase")]
pub struct NativeDatabase {
    pub(crate) inner: Database,
}

#[napi]
impl NativeDatabase {
    /// Opens `path`, or the user's own database where there is none.
    #[napi(factory)]
    pub fn open(path: Option<String>, readonly: bool, variables: Variables) -> Result<Self> {
        border(|| {
            let path = match path {
                Some(path) => path.into(),
                None => environment(variables).database_path().ok_or_else(|| {
                    Error::InvalidArgument(
                        "There is no home folder to keep the database in. Give a path, or set SKILLSMITH_DB_PATH.".into(),
                    )
                })?,
            };
            let options = OpenOptions::new()
                .read_only(readonly)
                .busy_budget(BUSY_BUDGET)
                .open_budget(OPEN_BUDGET);
            Ok(Self {
                inner: options.open(path)?,
            })
        })
    }

    #[napi(getter)]
    pub fn name(&self) -> String {
        self.inner.name()
    }

    #[napi(getter)]
    pub fn memory(&self) -> bool {
        self.inner.path().is_none()
    }

    #[napi(getter)]
    pub fn is_open(&self) -> bool {
        self.inner.is_open()
    }

    #[napi(getter)]
    pub fn readonly(&self) -> bool {
        self.inner.is_read_only()
    }

    #[napi]
    pub fn close(&self) -> Result<()> {
        border(|| {
            self.inner.close();
            Ok(())
        })
    }
}
