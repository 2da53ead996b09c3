//! The messages, for the person who has to act on them.

use std::fmt;

use chrono::{DateTime, Utc};

use super::{Cause, Error};

/// The message of each variant: a format string, and its arguments if they are not in its braces.
macro_rules! messages {
    ($($variant:pat => $message:literal $(, $argument:expr)*;)+) => {
        impl fmt::Display for Error {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $($variant => write!(f, $message $(, $argument)*),)+
                }
            }
        }
    };
}

messages! {
    Error::InvalidArgument(message)
    | Error::Host(message)
    | Error::TokenProvider(message)
    | Error::Unauthorized(message)
    | Error::SignInExpired(message)
    | Error::Forbidden(message)
    | Error::PlanRequired(message) => "{message}";

    // ---- 1xx: the caller -------------------------------------------------
    Error::RunNotFound(id) => "Sync run not found: {id}";
    Error::SyncInProgress => "Sync already in progress";
    Error::TakenOver(lock_file) =>
        "Another sync has taken over, as {} shows: this one stood still for too long, as in a machine that is \
         suspended. Nothing more was written; sync again when the other one has ended.",
        lock_file.display();
    Error::Cancelled => "Sync cancelled";
    Error::DatabaseClosed => "The database is closed. Open it again before using it.";
    Error::OpenedBeforeFork =>
        "The database was opened before a fork. Open it again in this process.";
    Error::NullArgument(name) => "The argument '{name}' is NULL.";
    Error::InvalidHandle(what) =>
        "The {what} is not a valid handle: it was already freed, or is not from this library.";

    // ---- 2xx: the network ------------------------------------------------
    Error::Offline => "API client is in offline mode. Cannot sync.";
    Error::Unhealthy(cause) =>
        "{}", unhealthy(cause.as_ref());
    Error::Unreachable(cause) | Error::CutOff(cause) => "Cannot reach the registry: {cause}";
    Error::Timeout(cause) =>
        "The registry did not answer in time{}",
        in_brackets(Some(cause.message()));
    Error::RateLimited { retry_at } =>
        "The registry limits the rate of requests. Try again {}.",
        when(*retry_at);
    Error::BudgetUsed { resumes_at: None } =>
        "The budget of requests for one run is used up. The next sync continues from here.";
    Error::BudgetUsed { resumes_at: Some(at) } =>
        "The budget of requests for this month is used up. Syncs continue after {}.",
        at.format(TIME);
    Error::QuotaExceeded { detail, resets_at } =>
        "The monthly quota of the registry is used up{}. It resets {}.",
        in_brackets(detail.as_deref()), when(*resets_at);
    Error::Server { status, detail, .. } =>
        "The registry failed to answer: HTTP {status}{}",
        in_brackets(detail.as_deref());
    Error::RunDeadline(deadline) =>
        "The sync stopped at its deadline of {} s. What was written is kept; \
         the next sync continues from there.",
        deadline.as_secs_f64();

    // ---- 3xx: the database -----------------------------------------------
    Error::Database(error) => "Database error: {error}";
    Error::DatabaseBusy => "The database is busy: another program is writing to it. Try again.";
    Error::NotADatabase(path) =>
        "{} is not a database. It was left as it is; choose another file, or move this one away.",
        path.display();
    Error::DatabaseDamaged { path, detail } =>
        "{} is damaged ({detail}). It was left as it is; restore it from a \
         backup, or move it away to start over.",
        path.display();
    Error::DatabaseDamagedWhileShared { path, detail, file_system } =>
        "{} does not read as an intact database ({detail}). It was left as it is. Other machines may use its \
         file system ({file_system}) at the same time, and one of them may be writing to it: end all syncs of it, \
         and look again with `skillsmith doctor --check`.",
        path.display();
    Error::NotSkillsmith { path, detail } =>
        "{} is not a Skillsmith database: {detail}. It was left as it is; choose another file.",
        path.display();
    Error::PermissionDenied { action, path } =>
        "No permission to {action} {}. {}",
        path.display(), who_permits();
    Error::ReadOnly => "The database was opened read-only. Open it for writing first.";
    Error::DiskFull =>
        "The disk is full, and SQLite cannot create or extend a file that it needs. What is stored is kept: free some space \
         and try again.";
    Error::NoMoreFiles(path) =>
        "The file system of {} has no free inodes, though it has space (`df -i` shows it). \
         Delete files that are not needed, and sync again.",
        path.display();
    Error::DiskQuotaUsed =>
        "Your disk quota is used up, and SQLite cannot go on. What is stored is kept: \
         delete files or get a larger quota, and try again.";
    Error::DatabaseInUse(path) =>
        "{} is open in this process through another SQLite, and this system \
         cannot isolate the two. Close it there first, or sync in another \
         process with `skillsmith sync`.",
        path.display();
    Error::ReadOnlyFileSystem(path) =>
        "{} is on a file system that is mounted read-only, so that nothing can be written there. \
         Choose another path; a database that is there can be read, and copied to a folder of your own.",
        path.display();
    Error::JournalOnReadOnlyFileSystem { path, journal } =>
        "{} is on a file system that is mounted read-only, and its last \
         changes are still in {}, which cannot be applied there. Copy both \
         files to a writable folder and open the copy.",
        path.display(), journal.display();
    Error::FolderNotWritable { path, folder } =>
        "{} has a write-ahead log, so that SQLite creates a file beside it even to read it, and you have no write \
         access to {}. Get write access to the folder, or copy the file (and {}-wal, if there is one) to a folder of \
         your own, and read the copy.",
        path.display(), folder.display(), path.display();
    Error::DatabaseReplaced(path) =>
        "{} was replaced, moved or deleted by another program while it was \
         in use. Nothing more was written. Try again: the next call uses \
         the file that is there now.",
        path.display();
    Error::TooManyFiles { action, path } =>
        "Cannot {action} {}: too many files are open. Close some, or raise \
         the limit (`ulimit -n`), and try again.",
        path.display();
    Error::Io { action, path, source } =>
        "Cannot {action} {}: {}", path.display(), ended(&source.to_string());

    // ---- 4xx: the protocol -----------------------------------------------
    Error::Protocol(cause) => "The registry's answer could not be understood: {cause}";
    Error::Refused { status, detail } =>
        "The registry refused the request: HTTP {status}{}",
        in_brackets(detail.as_deref());
    Error::RedirectRefused(place) =>
        "The registry redirects {place}, which is not followed: credentials \
         are sent to the configured address only. Set the base URL to the \
         new address if you trust it.";
    Error::TooLarge(limit) =>
        "The registry's answer is larger than {limit} bytes and was not read";

    // ---- 9xx: this library -----------------------------------------------
    Error::OutOfMemory =>
        "The process is out of memory. What was written is kept; try again \
         when more memory is available.";
    Error::OutOfThreads =>
        "The system starts no more threads for this process. What was written is kept; raise the limit of \
         processes (`ulimit -u`, or that of the container), or end other programs, and try again.";
    Error::Internal(message) => "Internal error (please report it): {message}";
}

/// The form of a time in a message. At a terminal, src/cli/time.rs finds it and shows it in the local zone.
pub(crate) const TIME: &str = "%Y-%m-%d %H:%M:%S UTC";

/// Several sentences, of which the last ends as the others do.
fn ended(text: &str) -> String {
    let lacks_stop = text.contains(". ") && !text.ends_with('.');
    format!("{text}{}", if lacks_stop { "." } else { "" })
}

/// A space and an aside, which does not end as a sentence does; nothing for `None`.
pub(crate) fn in_brackets(text: Option<&str>) -> String {
    text.map_or_else(String::new, |text| {
        format!(" ({})", text.trim_end_matches('.'))
    })
}

/// Where to look for what is refused. To root, only what the file system itself keeps from everybody.
fn who_permits() -> &'static str {
    #[cfg(unix)]
    if rustix::process::geteuid().is_root() {
        return "Root is refused by attributes of the file or its folder (`lsattr` shows them, and `chattr -i` lifts \
                them), or by what a container or a file server permits.";
    }
    "Check the owner and the mode of the file and its folder."
}

/// What never came to the registry says nothing about its health.
fn unhealthy(cause: Option<&Cause>) -> String {
    match cause {
        Some(cause) if cause.is_unconnected() => cause.to_string(),
        cause => format!(
            "API is unhealthy. Try again later.{}",
            in_brackets(cause.map(Cause::message))
        ),
    }
}

fn when(at: Option<DateTime<Utc>>) -> String {
    at.map_or_else(
        || "later".to_owned(),
        |at| format!("after {}", at.format(TIME)),
    )
}

impl Error {
    /// A 401 to a token that has expired; `said` is what is known of it.
    #[doc(hidden)]
    pub fn sign_in_expired(said: &str) -> Self {
        Self::SignInExpired(format!(
            "Your sign-in has expired: run `skillsmith login`, or set SKILLSMITH_API_KEY ({said})."
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_say_what_to_do() {
        let at = DateTime::from_timestamp(1_800_000_000, 0);
        assert_eq!(
            Error::RateLimited { retry_at: at }.to_string(),
            "The registry limits the rate of requests. Try again after 2027-01-15 08:00:00 UTC."
        );
        assert_eq!(
            Error::RunDeadline(std::time::Duration::from_millis(100)).to_string(),
            "The sync stopped at its deadline of 0.1 s. What was written is kept; the next sync continues from there."
        );
        for (source, shown) in [
            ("No such file or directory", "No such file or directory"),
            ("it is full. Empty it", "it is full. Empty it."),
            ("it is full. Empty it.", "it is full. Empty it."),
        ] {
            let error = Error::file("read", "/x", std::io::Error::other(source));
            assert_eq!(error.to_string(), format!("Cannot read /x: {shown}"));
        }
        assert_eq!(
            Error::Unhealthy(None).to_string(),
            "API is unhealthy. Try again later."
        );
        assert_eq!(
            Error::Server {
                status: 502,
                detail: Some("bad gateway".into()),
                retry_at: None
            }
            .to_string(),
            "The registry failed to answer: HTTP 502 (bad gateway)"
        );
        assert_eq!(
            Error::Timeout("it accepted the connection, but TLS was not set up in time.".into())
                .to_string(),
            "The registry did not answer in time (it accepted the connection, but TLS was not set up in time)"
        );
        assert_eq!(
            Error::Unhealthy(Some("it said no.".into())).to_string(),
            "API is unhealthy. Try again later. (it said no)"
        );
    }
}
