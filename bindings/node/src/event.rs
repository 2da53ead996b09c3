//! The events that a task sends to JavaScript.

use napi_derive::napi;

use crate::values::{Failure, SyncProgress, SyncResult};

/// An event of a task.
///
/// A task sends any number of `progress` and `host-request` events, then exactly one of the others, which is the last.
/// `code` is the error code of a sync without success. `text` is the JSON text of a response.
#[napi(
    object_from_js = false,
    discriminant = "type",
    discriminant_case = "kebab-case"
)]
pub enum TaskEvent {
    Progress {
        progress: SyncProgress,
    },
    HostRequest {
        request: HostRequest,
    },
    /// A request of a run that reports them: once before it, without `durationMs`, and once with the answer.
    Request {
        #[napi(ts_type = "'health' | 'search' | 'sync'")]
        kind: String,
        limit: Option<u32>,
        offset: i64,
        duration_ms: Option<i64>,
        rows: Option<u32>,
        code: Option<String>,
    },
    SyncResult {
        result: SyncResult,
        code: Option<String>,
    },
    Response {
        text: String,
    },
    Exit {
        exit_code: u32,
    },
    Failure {
        failure: Failure,
    },
}

/// A request to a registry that the host supplies. The response names its `id`.
#[napi(
    object_from_js = false,
    discriminant = "type",
    discriminant_case = "kebab-case"
)]
pub enum HostRequest {
    Health {
        id: u32,
    },
    Search {
        id: u32,
        query: Option<String>,
        trust_tier: Option<String>,
        limit: u32,
        offset: i64,
        min_quality_score: Option<f64>,
    },
    Sync {
        id: u32,
        limit: u32,
        offset: i64,
        since: Option<String>,
    },
}
