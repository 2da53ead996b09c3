//! Black-box tests of the core: real files, real sockets, real processes.
#![expect(clippy::cast_possible_truncation, reason = "counts of a few thousand")]

mod architecture;
mod background;
mod certificates;
mod conditional;
mod consistency;
mod endless_answers;
mod field_databases;
mod hostile_databases;
mod hostile_fixtures;
mod hostile_keys;
mod hostile_lengths;
mod hostile_rows;
mod hostile_steps;
mod interop;
mod other_versions;
mod page_splits;
mod promise_bad_rows;
mod promise_books;
mod promise_bounded;
mod promise_cancel;
mod promise_complete;
mod promise_descriptors;
mod promise_file_at_path;
mod promise_gaps;
mod promise_good_neighbour;
mod promise_idempotent;
mod promise_large_values;
mod promise_listing;
mod promise_no_lost_change;
mod promise_one_at_a_time;
mod promise_one_lock;
mod promise_polite;
mod promise_reads_only;
mod promise_resumes;
mod promise_secrets;
mod promise_values;
mod proxies;
mod prune;
mod prune_doubts;
mod prune_unchanged_pages;
#[cfg(unix)]
mod public_api;
mod replay;
mod repositories;
mod reserved;
mod runs;
mod search;
#[path = "../searches/table.rs"]
mod searches;
mod several_registries;
mod sign_in;
mod support;
mod sync_endpoint;
mod tls_server;
mod wrong_answers;
