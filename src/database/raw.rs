//! The calls of SQLite's C interface that rusqlite does not offer.
#![expect(
    unsafe_code,
    reason = "calls of SQLite's C interface on connections that live as long as the call"
)]

use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::Path;
use std::ptr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, ffi};

use crate::CancelToken;
use crate::cancel::HookGuard;

/// Virtual machine steps between two checks of the token: far below a millisecond.
const STEPS: c_int = 10_000;

/// A number that a connection stores as an [`AtomicI64`].
#[derive(Debug, Clone, Copy)]
pub(super) enum Mark {
    /// The version of the data after the last transaction of ours.
    Data,
    /// The version of the schema whose objects were looked at.
    Schema,
}

impl Mark {
    /// The name under which the connection stores it.
    const fn name(self) -> *const c_char {
        match self {
            Self::Data => c"skillsmith-data".as_ptr(),
            Self::Schema => c"skillsmith-schema".as_ptr(),
        }
    }
}

/// The name under which a connection stores the [`Question`] that is in force.
const QUESTION: *const c_char = c"skillsmith-question".as_ptr();

/// Why a file could not be opened.
#[derive(Debug)]
pub(super) struct OpenFailure {
    pub(super) error: rusqlite::Error,
    /// The error of the operating system, if there was one.
    pub(super) cause: Option<std::io::Error>,
}

impl OpenFailure {
    /// Whether another program holds a lease on the file.
    pub(super) fn is_of_lease(&self) -> bool {
        let cause = self.cause.as_ref();
        cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::WouldBlock)
    }
}

/// Like [`Connection::open_with_flags`], but keeps the system error of a failure.
pub(super) fn open(path: &Path, flags: OpenFlags) -> Result<Connection, OpenFailure> {
    let failure = |code: c_int, cause: Option<std::io::Error>| OpenFailure {
        error: rusqlite::Error::SqliteFailure(ffi::Error::new(code), None),
        cause,
    };
    // SQLite expects UTF-8 on Windows, and the system's own bytes elsewhere.
    #[cfg(unix)]
    let bytes = {
        use std::os::unix::ffi::OsStrExt;
        path.as_os_str().as_bytes()
    };
    #[cfg(not(unix))]
    let bytes = path.to_string_lossy().into_owned().into_bytes();
    let name = CString::new(bytes).map_err(|_| failure(ffi::SQLITE_CANTOPEN, None))?;
    let flags = flags | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let mut db = ptr::null_mut();
    // SAFETY: a valid string and a pointer that is ours to be written.
    let code =
        unsafe { ffi::sqlite3_open_v2(name.as_ptr(), &raw mut db, flags.bits(), ptr::null()) };
    if code != ffi::SQLITE_OK {
        // SAFETY: null, or a handle that is good for asking and closing only.
        let cause = (!db.is_null()).then(|| unsafe { ffi::sqlite3_system_errno(db) });
        // SAFETY: as above; nobody uses it after this.
        unsafe { ffi::sqlite3_close(db) };
        return Err(failure(code, cause.and_then(io_error)));
    }
    // SAFETY: an open connection that nobody else has.
    unsafe { Connection::from_handle_owned(db) }.map_err(|error| OpenFailure { error, cause: None })
}

/// The system error of the last I/O error of the connection.
pub(super) fn last_io_error(conn: &Connection) -> Option<std::io::Error> {
    // SAFETY: the handle of a connection that is borrowed.
    io_error(unsafe { ffi::sqlite3_system_errno(conn.handle()) })
}

/// The last system errors of the database file and of its log or journal. SQLite takes some errors of reading for damage
/// (EIO, ENXIO), and has no system error for these.
pub(super) fn read_errors(conn: &Connection) -> impl Iterator<Item = std::io::Error> {
    let files = [
        ffi::SQLITE_FCNTL_FILE_POINTER,
        ffi::SQLITE_FCNTL_JOURNAL_POINTER,
    ];
    files.into_iter().filter_map(move |which| {
        let file = file_of(conn, which)?;
        let mut code: c_int = 0;
        // SAFETY: an open file, and an integer of ours, as this code wants it.
        let asked = unsafe {
            let control = (*file).pMethods.as_ref()?.xFileControl?;
            control(file, ffi::SQLITE_FCNTL_LAST_ERRNO, (&raw mut code).cast())
        };
        if asked == ffi::SQLITE_OK {
            io_error(code)
        } else {
            None
        }
    })
}

/// A file that the connection has open; without methods, or null, if there is none.
fn file_of(conn: &Connection, which: c_int) -> Option<*mut ffi::sqlite3_file> {
    let mut file: *mut ffi::sqlite3_file = ptr::null_mut();
    // SAFETY: the handle of a connection that is borrowed, and a pointer of ours, as this code wants it. The file that it gives
    // lives as long as the connection.
    unsafe {
        ffi::sqlite3_file_control(
            conn.handle(),
            c"main".as_ptr(),
            which,
            (&raw mut file).cast(),
        );
    }
    (!file.is_null()).then_some(file)
}

fn io_error(code: c_int) -> Option<std::io::Error> {
    (code != 0).then(|| std::io::Error::from_raw_os_error(code))
}

/// Whether the path no longer names the file that the connection has open.
///
/// False if SQLite cannot tell: in memory, and on Windows, where an open file cannot be replaced.
pub(super) fn has_moved(conn: &Connection) -> bool {
    let mut moved: c_int = 0;
    // SAFETY: the handle of a connection that is borrowed, and an integer of ours, as this code wants it.
    let code = unsafe {
        ffi::sqlite3_file_control(
            conn.handle(),
            c"main".as_ptr(),
            ffi::SQLITE_FCNTL_HAS_MOVED,
            (&raw mut moved).cast(),
        )
    };
    code == ffi::SQLITE_OK && moved != 0
}

/// A byte of the database file, as SQLite itself reads it; `None` in memory, and where it cannot be read.
#[cfg(feature = "cli")]
pub(super) fn header_byte(conn: &Connection, at: i64) -> Option<u8> {
    let file = file_of(conn, ffi::SQLITE_FCNTL_FILE_POINTER)?;
    let mut byte = 0_u8;
    // SAFETY: an open file, or one without methods, and a byte of ours.
    let code = unsafe {
        let read = (*file).pMethods.as_ref()?.xRead?;
        read(file, (&raw mut byte).cast(), 1, at)
    };
    (code == ffi::SQLITE_OK).then_some(byte)
}

/// Sets how many bytes a text, a blob or a row may have.
pub(super) fn limit_length(conn: &Connection, most: c_int) {
    // SAFETY: a borrowed connection's handle.
    unsafe { ffi::sqlite3_limit(conn.handle(), ffi::SQLITE_LIMIT_LENGTH, most) };
}

/// How a column of an ordinary table compares its values.
#[derive(Debug)]
pub(super) struct Comparison {
    /// The type that it is declared with.
    pub(super) declared: String,
    pub(super) collation: String,
}

/// The same as SQLite has it; `None` where there is no such column.
pub(super) fn comparison(conn: &Connection, table: &str, column: &str) -> Option<Comparison> {
    let (table, column) = (CString::new(table).ok()?, CString::new(column).ok()?);
    let (mut declared, mut collation) = (ptr::null(), ptr::null());
    // SAFETY: a borrowed connection's handle, C strings, and pointers of ours to be written; null for what is not asked.
    let code = unsafe {
        ffi::sqlite3_table_column_metadata(
            conn.handle(),
            c"main".as_ptr(),
            table.as_ptr(),
            column.as_ptr(),
            &raw mut declared,
            &raw mut collation,
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
        )
    };
    let text = |found: *const c_char| {
        // SAFETY: null, or a C string of SQLite's that lives until the next call on the connection.
        let found = (!found.is_null()).then(|| unsafe { CStr::from_ptr(found) });
        found.map_or_else(String::new, |text| text.to_string_lossy().into_owned())
    };
    (code == ffi::SQLITE_OK).then(|| Comparison {
        declared: text(declared),
        collation: text(collation),
    })
}

/// Stores a number with the connection, until it is closed.
pub(super) fn set_mark(conn: &Connection, which: Mark, value: i64) {
    if let Some(mark) = mark_of(conn, which) {
        mark.store(value, Ordering::Relaxed);
        return;
    }
    let mark = Box::into_raw(Box::new(AtomicI64::new(value))).cast();
    // SAFETY: a borrowed connection's handle, a static name, and a pointer that `free_mark` owns
    // from here on: SQLite calls it also where it has no memory to keep the pointer.
    unsafe { ffi::sqlite3_set_clientdata(conn.handle(), which.name(), mark, Some(free_mark)) };
}

/// The number stored with the connection, if any.
pub(super) fn mark(conn: &Connection, which: Mark) -> Option<i64> {
    mark_of(conn, which).map(|mark| mark.load(Ordering::Relaxed))
}

fn mark_of(conn: &Connection, which: Mark) -> Option<&AtomicI64> {
    // SAFETY: under these names there is only what `set_mark` has put there, which lives as long as the
    // connection.
    unsafe {
        ffi::sqlite3_get_clientdata(conn.handle(), which.name())
            .cast::<AtomicI64>()
            .as_ref()
    }
}

unsafe extern "C" fn free_mark(mark: *mut c_void) {
    // SAFETY: from `Box::into_raw`, and given up once.
    drop(unsafe { Box::from_raw(mark.cast::<AtomicI64>()) });
}

/// When the statements of a connection must end.
#[derive(Debug, Clone)]
pub(crate) struct Limit {
    pub(crate) cancel: CancelToken,
    pub(crate) deadline: Option<Instant>,
    /// How long a statement may still take once either has come.
    pub(crate) grace: Duration,
}

impl Limit {
    /// Without a grace.
    pub(super) fn new(cancel: &CancelToken, deadline: Option<Instant>) -> Self {
        Self {
            cancel: cancel.clone(),
            deadline,
            grace: Duration::ZERO,
        }
    }
}

/// State that is checked between the steps of a statement.
struct Question {
    limit: Limit,
    /// When the token was first found to be cancelled.
    cancelled_at: Cell<Option<Instant>>,
    /// How many steps the statements may still take; `None`: any number.
    steps_left: Option<Cell<u64>>,
    /// What was in force before; null if nothing was.
    outer: *mut Question,
}

/// As long as it lives, statements on the connection can be cancelled; see [`interruptible`].
pub(crate) struct Interruptible<'c> {
    conn: &'c Connection,
    question: *mut Question,
    /// Stops also a step that takes long, such as a count over pages that lead to each other.
    _interrupt: Option<HookGuard>,
}

/// While the guard lives, statements on `conn` end with [`Error::Cancelled`](crate::Error::Cancelled)
/// after the token is cancelled or the deadline has passed.
///
/// An inner guard is in force instead of the outer one until it is dropped.
pub(crate) fn interruptible<'c>(
    conn: &'c Connection,
    cancel: &CancelToken,
    deadline: Option<Instant>,
) -> Interruptible<'c> {
    limited(conn, Limit::new(cancel, deadline))
}

/// The same, with a grace.
pub(crate) fn limited(conn: &Connection, limit: Limit) -> Interruptible<'_> {
    // SAFETY: a borrowed connection's handle. Under this name there is only what `put` has put there.
    let outer = unsafe { ffi::sqlite3_get_clientdata(conn.handle(), QUESTION) };
    let interrupt = limit.grace.is_zero().then(|| {
        let handle = conn.get_interrupt_handle();
        limit.cancel.on_cancel(move || handle.interrupt())
    });
    let question = Box::into_raw(Box::new(Question {
        limit,
        cancelled_at: Cell::new(None),
        steps_left: None,
        outer: outer.cast(),
    }));
    put(conn, question);
    Interruptible {
        conn,
        question,
        _interrupt: interrupt,
    }
}

/// While the guard lives, statements on `conn` end after so many steps of the virtual machine, and by what is in force
/// already.
///
/// Steps do not count how long a disk takes, nor how slow the machine is.
pub(super) fn in_steps(conn: &Connection, most: u64) -> Interruptible<'_> {
    // SAFETY: a borrowed connection's handle. Under this name there is only what `put` has put there, whose guard is alive.
    let outer: *mut Question =
        unsafe { ffi::sqlite3_get_clientdata(conn.handle(), QUESTION) }.cast();
    // SAFETY: as above.
    let in_force = unsafe { outer.as_ref() };
    let question = Box::into_raw(Box::new(Question {
        limit: in_force.map_or_else(
            || Limit::new(&CancelToken::new(), None),
            |outer| outer.limit.clone(),
        ),
        cancelled_at: Cell::new(in_force.and_then(|outer| outer.cancelled_at.get())),
        steps_left: Some(Cell::new(most)),
        outer,
    }));
    put(conn, question);
    Interruptible {
        conn,
        question,
        // That of the outer one is still there.
        _interrupt: None,
    }
}

impl Interruptible<'_> {
    /// Whether the statements have taken all the steps that they had.
    pub(super) fn is_spent(&self) -> bool {
        // SAFETY: the pointer of this guard, which is alive.
        let question = unsafe { &*self.question };
        question
            .steps_left
            .as_ref()
            .is_some_and(|left| left.get() == 0)
    }
}

/// Puts a question in force; null: none.
fn put(conn: &Connection, question: *mut Question) {
    let steps = if question.is_null() { 0 } else { STEPS };
    // SAFETY: a borrowed connection's handle, on which no statement is running now; the pointer lives until
    // its guard has put another one in force.
    unsafe {
        ffi::sqlite3_set_clientdata(conn.handle(), QUESTION, question.cast(), None);
        ffi::sqlite3_progress_handler(conn.handle(), steps, Some(is_over), question.cast());
    }
}

unsafe extern "C" fn is_over(question: *mut c_void) -> c_int {
    // SAFETY: the pointer of `limited`, whose guard is alive. Nothing in here panics.
    let question = unsafe { &*question.cast::<Question>() };
    c_int::from(question.is_over())
}

impl Question {
    fn is_over(&self) -> bool {
        if let Some(left) = &self.steps_left {
            left.set(left.get().saturating_sub(STEPS.unsigned_abs().into()));
            if left.get() == 0 {
                return true;
            }
        }
        let now = Instant::now();
        let is_past = |end: Instant| now.saturating_duration_since(end) >= self.limit.grace;
        let is_late = self
            .limit
            .deadline
            .is_some_and(|end| now >= end && is_past(end));
        is_late
            || (self.limit.cancel.is_cancelled()
                && is_past(self.cancelled_at.get().unwrap_or_else(|| {
                    self.cancelled_at.set(Some(now));
                    now
                })))
    }
}

impl Drop for Interruptible<'_> {
    fn drop(&mut self) {
        // SAFETY: the pointer of `limited`, which nobody has any more once the outer one is in force.
        let question = unsafe { Box::from_raw(self.question) };
        put(self.conn, question.outer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Error, Result};

    const LONG: &str =
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

    fn count(conn: &Connection, sql: &str) -> Result<i64> {
        Ok(conn.query_row(sql, [], |row| row.get(0))?)
    }

    #[test]
    fn a_long_statement_obeys_the_token_and_the_deadline() {
        let conn = Connection::open_in_memory().unwrap();
        let cancel = CancelToken::new();
        let other = cancel.clone();
        let guard = interruptible(&conn, &cancel, None);
        let asker = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(20));
            other.raise();
        });
        assert!(matches!(count(&conn, LONG), Err(Error::Cancelled)));
        asker.join().unwrap();
        drop(guard);
        // Disabled again.
        assert_eq!(count(&conn, "SELECT 1").unwrap(), 1);
        let guard = interruptible(&conn, &CancelToken::new(), Some(Instant::now()));
        assert!(matches!(count(&conn, LONG), Err(Error::Cancelled)));
        drop(guard);
    }

    /// A table whose pages lead to the same pages again and again: SQLite counts its rows in one step, for hours.
    fn endless_table(path: &Path) {
        const PAGE: usize = 512;
        const CELLS: u8 = 60;
        let conn = Connection::open(path).unwrap();
        conn.execute_batch("PRAGMA page_size = 512; CREATE TABLE t (a); INSERT INTO t VALUES (1)")
            .unwrap();
        conn.close().unwrap();
        let mut file = std::fs::read(path).unwrap();
        assert_eq!(file.len(), 2 * PAGE);
        let leaf = file.split_off(PAGE);
        let above = |child: u8| {
            let mut page = vec![0; PAGE];
            let content = PAGE - 5 * usize::from(CELLS);
            page[..12].copy_from_slice(&[5, 0, 0, 0, CELLS, 0, 0, 0, 0, 0, 0, child]);
            page[5..7].copy_from_slice(&u16::try_from(content).unwrap().to_be_bytes());
            for cell in 0..CELLS {
                let at = content + 5 * usize::from(cell);
                let pointer = 12 + 2 * usize::from(cell);
                page[pointer..pointer + 2]
                    .copy_from_slice(&u16::try_from(at).unwrap().to_be_bytes());
                page[at..at + 5].copy_from_slice(&[0, 0, 0, child, cell + 1]);
            }
            page
        };
        // The root is the second page, the leaf the third.
        file.extend(above(8));
        file.extend(leaf);
        for child in 3..8 {
            file.extend(above(child));
        }
        file[28..32].copy_from_slice(&[0, 0, 0, 8]);
        std::fs::write(path, file).unwrap();
    }

    #[test]
    fn one_step_that_does_not_end_is_interrupted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("endless.db");
        endless_table(&path);
        let conn = Connection::open(&path).unwrap();
        let cancel = CancelToken::new();
        let _guard = interruptible(&conn, &cancel, None);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(200));
                cancel.cancel();
            });
            let outcome = count(&conn, "SELECT count(*) FROM t");
            assert!(matches!(outcome, Err(Error::Cancelled)), "{outcome:?}");
        });
        assert!(cancel.is_cancelled());
    }

    #[test]
    fn an_inner_guard_gives_way_to_the_outer_one() {
        let conn = Connection::open_in_memory().unwrap();
        let cancel = CancelToken::new();
        cancel.raise();
        let outer = interruptible(&conn, &cancel, None);
        let enough = LONG.replace("FROM n)", "FROM n WHERE i < 100000)");
        let inner = interruptible(&conn, &CancelToken::new(), None);
        assert_eq!(count(&conn, &enough).unwrap(), 100_000);
        drop(inner);
        assert!(matches!(count(&conn, &enough), Err(Error::Cancelled)));
        drop(outer);
        assert_eq!(count(&conn, &enough).unwrap(), 100_000);
    }

    #[test]
    fn statements_end_after_their_steps_and_by_what_is_in_force() {
        let conn = Connection::open_in_memory().unwrap();
        let enough = LONG.replace("FROM n)", "FROM n WHERE i < 100000)");
        let steps = in_steps(&conn, 100_000_000);
        assert_eq!(count(&conn, &enough).unwrap(), 100_000);
        assert!(!steps.is_spent());
        drop(steps);
        let steps = in_steps(&conn, 100_000);
        assert!(matches!(count(&conn, &enough), Err(Error::Cancelled)));
        assert!(steps.is_spent());
        drop(steps);
        assert_eq!(count(&conn, &enough).unwrap(), 100_000);
        let cancel = CancelToken::new();
        let outer = interruptible(&conn, &cancel, None);
        let steps = in_steps(&conn, u64::MAX);
        cancel.raise();
        assert!(matches!(count(&conn, &enough), Err(Error::Cancelled)));
        assert!(!steps.is_spent());
        drop(steps);
        drop(outer);
    }

    #[test]
    fn a_short_statement_ends_within_the_grace() {
        let conn = Connection::open_in_memory().unwrap();
        let limit = Limit {
            cancel: CancelToken::new(),
            deadline: Some(Instant::now()),
            grace: Duration::from_secs(600),
        };
        limit.cancel.raise();
        let _guard = limited(&conn, limit);
        let enough = LONG.replace("FROM n)", "FROM n WHERE i < 100000)");
        assert_eq!(count(&conn, &enough).unwrap(), 100_000);
    }

    #[test]
    fn a_connection_keeps_its_own_number() {
        let (one, two) = (
            Connection::open_in_memory().unwrap(),
            Connection::open_in_memory().unwrap(),
        );
        assert_eq!(mark(&one, Mark::Data), None);
        set_mark(&one, Mark::Data, 7);
        set_mark(&one, Mark::Data, 8);
        set_mark(&one, Mark::Schema, 9);
        assert_eq!(
            (mark(&one, Mark::Data), mark(&one, Mark::Schema)),
            (Some(8), Some(9))
        );
        assert_eq!(mark(&two, Mark::Data), None);
    }

    #[test]
    fn a_renamed_file_has_moved() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        let conn = open(&path, OpenFlags::default()).unwrap();
        conn.execute_batch("CREATE TABLE t (x)").unwrap();
        assert!(!has_moved(&conn));
        std::fs::rename(&path, folder.path().join("u.db")).unwrap();
        assert!(has_moved(&conn));
        std::fs::write(&path, "").unwrap();
        assert!(has_moved(&conn));
        assert!(!has_moved(&Connection::open_in_memory().unwrap()));
    }

    #[test]
    fn the_system_says_why_a_file_cannot_be_opened() {
        let folder = tempfile::tempdir().unwrap();
        let failure = open(&folder.path().join("a".repeat(300)), OpenFlags::default()).unwrap_err();
        assert_eq!(
            failure.cause.unwrap().kind(),
            std::io::ErrorKind::InvalidFilename
        );
    }
}
