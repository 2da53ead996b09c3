//! What an error of a lower level says in numbers, for callers in other languages.

use std::error::Error as StdError;
use std::io;

use super::Error;

/// The cause of an [`Error`] at its lowest level.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Origin {
    /// Its message.
    pub message: String,
    /// The error number of the operating system.
    pub os_error: Option<i32>,
    /// The status of the HTTP response.
    pub http_status: Option<u16>,
    /// The extended error code of SQLite.
    pub sqlite_code: Option<i32>,
}

/// How many causes of causes are looked at.
const MAX_DEPTH: usize = 16;

impl Error {
    /// The cause at the lowest level, if anything is known of it.
    #[doc(hidden)]
    pub fn origin(&self) -> Option<Origin> {
        let mut origin = Origin {
            message: String::new(),
            os_error: None,
            http_status: self.http_status(),
            sqlite_code: None,
        };
        let mut next = self.source();
        for _ in 0..MAX_DEPTH {
            let Some(cause) = next else { break };
            origin.message = cause.to_string();
            next = cause.source();
            if let Some(error) = cause.downcast_ref::<io::Error>() {
                origin.os_error = error.raw_os_error().or(origin.os_error);
                // Its source would be that of the error inside, which is left out.
                if let Some(inside) = error.get_ref() {
                    next = Some(inside);
                }
            } else if let Some(rusqlite::Error::SqliteFailure(error, _)) =
                cause.downcast_ref::<rusqlite::Error>()
            {
                origin.sqlite_code = Some(error.extended_code);
            }
        }
        if let (true, Some(status)) = (origin.message.is_empty(), origin.http_status) {
            origin.message = format!("HTTP {status}");
        }
        (!origin.message.is_empty()).then_some(origin)
    }

    const fn http_status(&self) -> Option<u16> {
        match self {
            Self::Server { status, .. } | Self::Refused { status, .. } => Some(*status),
            Self::Unauthorized(_) | Self::SignInExpired(_) => Some(401),
            Self::Forbidden(_) | Self::PlanRequired(_) => Some(403),
            Self::RateLimited { .. } => Some(429),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cause;

    #[test]
    fn the_lowest_cause_is_found() {
        let refused = || io::Error::from_raw_os_error(111);
        let origin = |error: Error| error.origin().unwrap();
        let cut = Error::CutOff(Cause::new("words").with_source(io::Error::other(refused())));
        assert_eq!(origin(cut).os_error, Some(111));
        let row = rusqlite::Connection::open_in_memory()
            .unwrap()
            .execute_batch("CREATE TABLE t (x UNIQUE); INSERT INTO t VALUES (1), (1)");
        let unique = Error::Database(row.unwrap_err());
        assert_eq!(origin(unique).sqlite_code, Some(2_067));
        let status = origin(Error::Server {
            status: 503,
            detail: None,
            retry_at: None,
        });
        assert_eq!(
            (status.http_status, status.message.as_str()),
            (Some(503), "HTTP 503")
        );
        assert_eq!(Error::Offline.origin(), None);
    }
}
