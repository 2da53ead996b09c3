//! The database, as the JavaScript thread uses it.

use std::time::Duration;

use napi_derive::napi;
use skillsmith_sync::Database;
use skillsmith_sync::database::OpenOptions;

use crate::boundary::{Result, boundary};
use crate::variables::{Variables, environment};

/// How long a short call waits for the write lock. The wait blocks the event loop.
const BUSY_BUDGET: Duration = Duration::from_millis(100);

/// How long opening waits for the write lock. Several servers may create a new file at once, so the wait is longer. It has
/// a limit because the other writer may be a connection of this thread, which cannot continue before the call returns.
const OPEN_BUDGET: Duration = Duration::from_secs(1);

fn options(readonly: bool) -> OpenOptions {
    OpenOptions::new()
        .read_only(readonly)
        .busy_budget(BUSY_BUDGET)
        .open_budget(OPEN_BUDGET)
}

#[napi(js_name = "NativeDatabase")]
pub struct NativeDatabase {
    pub(crate) inner: Database,
}

#[napi]
impl NativeDatabase {
    /// Opens `path`, or the user's default database if `path` is missing.
    #[napi(factory)]
    pub fn open(path: Option<String>, readonly: bool, variables: Variables) -> Result<Self> {
        boundary(|| {
            let path = match path {
                Some(path) => path.into(),
                None => environment(variables).database_path()?,
            };
            Ok(Self {
                inner: options(readonly).open(path)?,
            })
        })
    }

    /// The database at `path`, which exists and which a connection of the host has open: ours is open during calls only, and
    /// never by a call through the host's. If the file is `taken`, the first call checks it.
    #[napi(factory)]
    pub fn beside_host(path: String, readonly: bool, taken: bool) -> Result<Self> {
        boundary(|| {
            let inner = options(readonly).rests(true).open_later(path)?;
            if !taken {
                inner.check()?;
            }
            Ok(Self { inner })
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
        boundary(|| {
            self.inner.close();
            Ok(())
        })
    }
}
