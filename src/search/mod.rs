//! Finding skills: by words, page by page, or by id; and how fresh what is found is.
//!
//! Only reads, by the statements of short calls: beside a sync that writes, on a read-only medium, and within a transaction of
//! the host.

mod columns;
mod filter;
mod find;
mod freshness;
mod options;
mod pages;
mod query;
mod results;

pub use self::filter::SkillFilter;
pub use self::freshness::Freshness;
pub use self::options::{ListOptions, SearchOptions};
pub use self::pages::Skills;
pub use self::results::{SearchResults, SkillDetails, SkillMatch, SkillPage};
