//! What may still succeed after an error of one page.

use super::Error;

impl Error {
    /// Whether a refusal says that a token has expired: `expired_token`, or `JWT expired`.
    #[doc(hidden)]
    pub fn says_expired(text: &str) -> bool {
        text.to_ascii_lowercase().contains("expired")
    }

    /// Whether every other request would fail in the same way now: the caller wants no more pages, or
    /// cannot use them, or the registry as a whole cannot be reached.
    ///
    /// If not, the registry responds, or begins to, but not with this page, and the next page may
    /// still succeed. No `_` arm: a new variant must be classified here.
    pub(crate) const fn nothing_can_come(&self) -> bool {
        match self {
            Self::CutOff(_)
            | Self::Timeout(_)
            | Self::Forbidden(_)
            | Self::Protocol(_)
            | Self::Refused { .. }
            | Self::TooLarge(_)
            // The registry does not know this request, now or later.
            | Self::Server { status: 501, .. } => false,
            // A 503 with a retry time concerns the registry, not the page.
            Self::Server { retry_at, .. } => retry_at.is_some(),
            Self::InvalidArgument(_)
            | Self::RunNotFound(_)
            | Self::SyncInProgress
            | Self::TakenOver(_)
            | Self::Cancelled
            | Self::DatabaseClosed
            | Self::OpenedBeforeFork
            | Self::Host(_)
            | Self::NullArgument(_)
            | Self::InvalidHandle(_)
            | Self::RunDeadline(_)
            | Self::Database(_)
            | Self::DatabaseBusy
            | Self::NotADatabase(_)
            | Self::DatabaseDamaged { .. }
            | Self::DatabaseDamagedWhileShared { .. }
            | Self::NotSkillsmith { .. }
            | Self::PermissionDenied { .. }
            | Self::FolderNotWritable { .. }
            | Self::ReadOnly
            | Self::DiskFull
            | Self::NoMoreFiles(_)
            | Self::DiskQuotaUsed
            | Self::DatabaseInUse(_)
            | Self::DatabaseReplaced(_)
            | Self::ReadOnlyFileSystem(_)
            | Self::JournalOnReadOnlyFileSystem { .. }
            | Self::TooManyFiles { .. }
            | Self::Io { .. }
            | Self::OutOfMemory
            | Self::OutOfThreads
            | Self::Internal(_)
            // The registry as a whole cannot be reached.
            | Self::Offline
            | Self::Unhealthy(_)
            | Self::Unreachable(_)
            | Self::RateLimited { .. }
            | Self::QuotaExceeded { .. }
            | Self::BudgetUsed { .. }
            | Self::Unauthorized(_)
            | Self::SignInExpired(_)
            | Self::TokenProvider(_)
            | Self::PlanRequired(_)
            | Self::RedirectRefused(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn a_page_that_fails_is_told_from_a_registry_that_fails() {
        let server = |status, retry_at| Error::Server {
            status,
            detail: None,
            retry_at,
        };
        let later = DateTime::from_timestamp(1_800_000_000, 0);
        for of_the_page in [
            Error::CutOff("".into()),
            Error::Timeout("".into()),
            Error::Forbidden(String::new()),
            Error::Protocol("".into()),
            Error::TooLarge(1),
            Error::Refused {
                status: 416,
                detail: None,
            },
            server(503, None),
            server(501, later),
        ] {
            assert!(!of_the_page.nothing_can_come(), "{of_the_page:?}");
        }
        for of_the_registry in [
            server(503, later),
            Error::Unreachable("".into()),
            Error::Unauthorized(String::new()),
            Error::SignInExpired(String::new()),
            Error::TokenProvider(String::new()),
            Error::PlanRequired(String::new()),
            Error::RedirectRefused(String::new()),
            Error::RateLimited { retry_at: None },
            Error::Cancelled,
            Error::DatabaseBusy,
        ] {
            assert!(of_the_registry.nothing_can_come(), "{of_the_registry:?}");
        }
    }
}
