//! The test registry, proved over real sockets.

mod binary;
mod catalogue;
mod client;
mod control;
mod faults;
mod history;
mod lifecycle;
mod limits;
mod listing;
mod sync_endpoint;
mod validators;
mod wire;
