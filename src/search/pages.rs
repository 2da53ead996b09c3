//! All skills of a list, page by page.

use std::collections::VecDeque;

use super::ListOptions;
use crate::{Result, SkillRecord, SkillRepository};

/// The skills of a list in the order of their ids. Reads a page when it has come to the end of one, and holds no lock and no
/// statement in between: a sync may write meanwhile. What it adds behind the last id is found too.
///
/// Ends after an error.
///
/// ```
/// use skillsmith_sync::search::ListOptions;
/// use skillsmith_sync::{Database, SkillRepository};
///
/// let skills = SkillRepository::new(&Database::open_in_memory()?);
/// let mut all = skills.iter(ListOptions::new());
/// assert!(all.next().is_none());
/// # Ok::<(), skillsmith_sync::Error>(())
/// ```
#[derive(Debug)]
pub struct Skills {
    repository: SkillRepository,
    /// `None` once there is no further page.
    next: Option<ListOptions>,
    page: VecDeque<SkillRecord>,
}

impl Skills {
    pub(super) fn new(repository: SkillRepository, options: ListOptions) -> Self {
        Self {
            repository,
            next: Some(options),
            page: VecDeque::new(),
        }
    }
}

impl Iterator for Skills {
    type Item = Result<SkillRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.is_empty() {
            let options = self.next.take()?;
            let page = match self.repository.list(&options) {
                Ok(page) => page,
                Err(error) => return Some(Err(error)),
            };
            self.page = page.skills.into();
            self.next = page.next.map(|id| options.after(id));
        }
        self.page.pop_front().map(Ok)
    }
}
