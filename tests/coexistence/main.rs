//! Safe beside another SQLite in the same process: real hosts, each with a SQLite
//! of its own, and our library (as the shared library of `src/lib.rs`) have the
//! same file open, and a third process does, too.
//!
//! A rig for each host plays the scenarios, in WAL mode and with a rollback
//! journal. Without the cure the decisive ones have to fail: that shows that they
//! test it. `SKILLSMITH_LONG_TESTS=1` writes for 20 seconds instead of 2, and kills
//! 25 processes instead of 5.
#![cfg(unix)]

mod driver;

use driver::Host::{C, Node, Python};
use driver::Mode::{Delete, Wal};

macro_rules! scenarios {
    ($($name:ident: $host:ident $mode:ident { $($scenario:ident)* })*) => {$(
        mod $name {
            $(#[test]
            fn $scenario() {
                crate::driver::holds(crate::$host, stringify!($scenario), crate::$mode);
            })*
        }
    )*};
}

scenarios! {
    promise_16_c_wal: C Wal {
        idle reading host_writes we_write load churn untouched bounded fork_exit fork_close fork_open
    }
    promise_16_c_rollback: C Delete {
        idle reading host_writes we_write load churn untouched fork_exit fork_close fork_open
    }
    promise_16_node_wal: Node Wal { idle reading host_writes we_write load churn }
    promise_16_node_rollback: Node Delete { idle reading host_writes we_write load churn }
    promise_16_python_wal: Python Wal {
        idle reading host_writes we_write load churn many twice files remade read_only links bounded unlinked
        fork_exit fork_close fork_open fork_use fork_orphan programs
    }
    promise_16_python_rollback: Python Delete {
        idle reading host_writes we_write load churn many twice files remade read_only links unlinked
        fork_exit fork_close fork_open fork_use fork_orphan programs
    }
}

mod promise_16_kills {
    use crate::driver::survives_kills;
    use crate::{C, Delete, Node, Python, Wal};

    #[test]
    fn c_wal() {
        survives_kills(C, Wal);
    }

    #[test]
    fn c_rollback() {
        survives_kills(C, Delete);
    }

    #[test]
    fn node_wal() {
        survives_kills(Node, Wal);
    }

    #[test]
    fn node_rollback() {
        survives_kills(Node, Delete);
    }

    #[test]
    fn python_wal() {
        survives_kills(Python, Wal);
    }

    #[test]
    fn python_rollback() {
        survives_kills(Python, Delete);
    }
}

/// Every host at once on one file, each in a process of its own.
mod all_hosts {
    use crate::driver::write_together;
    use crate::{Delete, Wal};

    #[test]
    fn wal() {
        write_together(Wal);
    }

    #[test]
    fn rollback() {
        write_together(Delete);
    }
}

/// What goes wrong without the cure. The host that is merely idle has nothing to
/// lose in rollback mode, where only a transaction holds a lock.
mod without_the_cure {
    use crate::driver::fails_without_the_cure;
    use crate::{C, Node, Python};

    #[test]
    fn c() {
        fails_without_the_cure(C);
    }

    #[test]
    fn node() {
        fails_without_the_cure(Node);
    }

    #[test]
    fn python() {
        fails_without_the_cure(Python);
    }
}

#[test]
fn where_there_is_no_cure_a_file_that_the_host_has_open_is_refused() {
    driver::refuses_where_it_cannot_be_cured(Wal);
    driver::refuses_where_it_cannot_be_cured(Delete);
}

/// Another SQLite in the process finds nothing of ours by name, nor we of its.
#[test]
fn the_shared_library_shows_nothing_of_its_sqlite() {
    for symbol in driver::dynamic_symbols() {
        assert!(!symbol.name.starts_with("sqlite3"), "{symbol:?}");
        assert!(
            !symbol.is_defined
                || ["probe_", "skillsmith_"]
                    .iter()
                    .any(|ours| symbol.name.starts_with(ours)),
            "{symbol:?}"
        );
    }
}
