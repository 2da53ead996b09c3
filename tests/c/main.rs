//! The C library, by programs in C: each as C99 and as C++17, under the sanitizers and
//! under valgrind, against a registry server of its own.
//!
//! A program says nothing and ends with 0, or says what is wrong; so whatever else it
//! says was written by the library, which must not write anything.
#![cfg(target_os = "linux")]

mod abi;
mod border;
mod build;
mod checks;
mod consistency;
mod documents;
mod forks;
mod header;
mod hosts;
mod interpreters;
#[path = "../../bindings/c/documents/parse.rs"]
#[expect(dead_code, reason = "the build script uses all of it")]
mod parse;
mod run;
#[path = "../searches/table.rs"]
#[expect(dead_code, reason = "the programs write the skills themselves")]
mod searches;
#[path = "../searches/lines.rs"]
mod searches_lines;

use build::Flavour::{C99, Cpp17, Sanitized, Valgrind};

macro_rules! programs {
    ($($flavour:ident: $variant:ident { $($program:ident)* })*) => {$(
        mod $flavour {
            $(#[test]
            fn $program() {
                crate::run::passes(stringify!($program), crate::$variant);
            })*
        }
    )*};
}

// pthread_cancel is not whole among the sanitized: `hosts::cancelled_threads_under_the_sanitizers` says why.
// Nor is the program among them whose threads call the library when they have destroyed their locals: what Rust's runtime makes
// anew for them is never freed.
programs! {
    c99: C99 {
        errors handles arguments database repositories sync listings search find sign_in cancel transport background threads
        panic forks beside_sqlite pthread_cancel thread_destructors environment border hostile
    }
    cpp17: Cpp17 {
        errors handles arguments database repositories sync listings search find sign_in cancel transport background threads
        panic forks beside_sqlite pthread_cancel thread_destructors environment border
    }
    sanitized: Sanitized {
        errors handles arguments database repositories sync listings search find sign_in cancel transport background threads
        panic forks beside_sqlite environment border hostile
    }
    valgrind: Valgrind {
        errors handles arguments database repositories sync listings search find sign_in cancel transport background threads
        panic forks beside_sqlite pthread_cancel environment border
    }
}
