//! Pages that failed, asked for again in halves at the end of their pass, down to the rows that cannot be had.

use super::failure::ends_the_run;
use super::rows::short_id;
use super::{Lister, Step};
use crate::engine::gap::{Gap, MOST_GAPS, Region};
use crate::engine::plan::Pass;
use crate::registry::{Call, Page};
use crate::{Error, Result};

/// Requests for one page that failed. One bad row in a hundred costs fourteen.
const MOST_REQUESTS: u32 = 64;

/// So many pages in a row that were asked for in parts and brought nothing new: the next ones get only
/// [`FEWEST_REQUESTS`]. Known gaps may lie side by side over a whole catalogue.
const MOST_FRUITLESS: u32 = 3;
const FEWEST_REQUESTS: u32 = 4;

/// Each of these takes as long as the client's timeout.
const MOST_TIMEOUTS: u32 = 10;

/// So many failures before anything came: it is looked whether the registry answers at all.
const FAILURES_BEFORE_LOOK: u32 = 3;

/// A page that is being asked for in parts.
pub(super) struct Fill {
    /// The next part last.
    parts: Vec<Region>,
    /// Parts that cannot be had, in their order.
    lost: Vec<Region>,
    requests: u32,
    failures: u32,
    timeouts: u32,
    most_requests: u32,
    has_brought: bool,
    /// A row that had not been listed before was among them.
    has_brought_new: bool,
}

impl Fill {
    fn new(region: Region, most_requests: u32) -> Self {
        Self {
            parts: vec![region],
            lost: Vec::new(),
            requests: 0,
            failures: 0,
            timeouts: 0,
            most_requests,
            has_brought: false,
            has_brought_new: false,
        }
    }

    const fn is_exhausted(&self) -> bool {
        self.requests >= self.most_requests || self.timeouts >= MOST_TIMEOUTS
    }

    /// What is left of a part after so many of its rows came.
    fn brought(&mut self, part: Region, page: &Page) {
        self.has_brought = true;
        let first = page.rows.first().and_then(short_id);
        if let Some(lost) = self.lost.last_mut().filter(|lost| lost.after.is_none()) {
            lost.after = first;
        }
        let rows = page.rows.len() as u64;
        let from = part.from.saturating_add(rows);
        if rows > 0 && from < part.to {
            let before = page.rows.last().and_then(short_id);
            self.parts.push(Region {
                from,
                before,
                ..part
            });
        } else if let Some(next) = self.parts.last_mut() {
            next.before = page.rows.last().and_then(short_id);
        }
    }

    fn failed(&mut self, part: Region, error: &Error) {
        self.failures = self.failures.saturating_add(1);
        self.timeouts = self
            .timeouts
            .saturating_add(u32::from(matches!(error, Error::Timeout(_))));
        let half = part.len().div_euclid(2);
        if half == 0 {
            self.lose(Region::new(
                part.from,
                part.to,
                part.before.as_deref(),
                error,
            ));
            return;
        }
        let middle = part.from.saturating_add(half);
        self.parts.push(Region {
            from: middle,
            before: None,
            ..part.clone()
        });
        self.parts.push(Region {
            to: middle,
            after: None,
            ..part
        });
    }

    fn lose(&mut self, part: Region) {
        match self.lost.last_mut() {
            Some(last) if last.to == part.from => {
                last.to = part.to;
                last.after = part.after;
            }
            _ => self.lost.push(part),
        }
    }
}

impl Lister<'_> {
    /// One request for a part of what was put off.
    pub(super) fn fill_gap(&mut self, pass: &Pass, call: &Call<'_>) -> Result<Option<Step>> {
        let mut fill = self.fill.take().unwrap_or_else(|| {
            let most_requests = if self.fruitless_fills >= MOST_FRUITLESS {
                FEWEST_REQUESTS
            } else {
                MOST_REQUESTS
            };
            Fill::new(self.cursor.at.put_off[0].clone(), most_requests)
        });
        let Some(part) = fill.parts.pop() else {
            self.cursor.at.put_off.remove(0);
            self.fruitless_fills = if fill.has_brought_new {
                0
            } else {
                self.fruitless_fills.saturating_add(1)
            };
            for lost in fill.lost {
                self.keep_gap(pass, lost);
            }
            return Ok(None);
        };
        if fill.is_exhausted() {
            fill.lose(part);
            self.fill = Some(fill);
            return Ok(None);
        }
        fill.requests = fill.requests.saturating_add(1);
        let outcome = self.search(pass, part.from, part.len(), true, call);
        call.check()?;
        let step = match outcome {
            Ok(page) => {
                let facts = self.meet(pass, part.from, &page)?;
                let at = &mut self.cursor.at;
                at.counts.rows = at.counts.rows.saturating_add(facts.distinct);
                fill.has_brought_new |= facts.distinct > 0;
                fill.brought(part, &page);
                Some(self.step(page.rows, &facts.ids))
            }
            Err(error) if ends_the_run(&error) => return Err(error),
            // Nothing is there any more.
            Err(Error::Refused { status: 416, .. }) => None,
            Err(error) => {
                fill.failed(part, &error);
                if !fill.has_brought && fill.failures == FAILURES_BEFORE_LOOK {
                    self.look_elsewhere(pass, error, call)?;
                }
                None
            }
        };
        self.fill = Some(fill);
        Ok(step)
    }

    /// An outage is not asked row by row.
    fn look_elsewhere(&mut self, pass: &Pass, error: Error, call: &Call<'_>) -> Result<()> {
        let elsewhere = if self.cursor.at.put_off[0].from > 0 {
            Some(pass.clone())
        } else {
            self.cursor.other_passes().into_iter().next()
        };
        let (elsewhere, offset) = match elsewhere {
            Some(pass) => (pass, 0),
            // What comes after the first page has been read by now.
            None => (pass.clone(), self.cursor.at.put_off[0].to),
        };
        let answer = self.search(&elsewhere, offset, 1, true, call);
        call.check()?;
        match answer {
            Ok(page) => {
                self.spare = Some((elsewhere, offset, page));
                Ok(())
            }
            Err(other) if ends_the_run(&other) => Err(other),
            // It is there, and refuses.
            Err(Error::Refused { .. }) => Ok(()),
            Err(_) => Err(error),
        }
    }

    pub(super) fn keep_gap(&mut self, pass: &Pass, lost: Region) {
        let at = &mut self.cursor.at;
        at.counts.unread = at.counts.unread.saturating_add(lost.len());
        if self.cursor.gaps.len() < MOST_GAPS {
            self.cursor.gaps.push(Gap {
                pass: pass.clone(),
                since: self.cursor.since.clone(),
                from: lost.from,
                to: Some(lost.to),
                before: lost.before,
                after: lost.after,
                cause: lost.cause,
            });
        } else {
            self.cursor.more_gaps = self.cursor.more_gaps.saturating_add(1);
        }
    }

    /// One request for what an earlier listing could not read; the passes come to it in any case.
    pub(super) fn ask_known_gap(&mut self, gap: &Gap, call: &Call<'_>) -> Result<Option<Step>> {
        let length = gap
            .to
            .map_or(self.page_size.into(), |to| to.saturating_sub(gap.from));
        let limit = length.clamp(1, self.page_size.into());
        match self.search(&gap.pass, gap.from, limit, true, call) {
            Ok(page) => {
                if gap
                    .to
                    .is_some_and(|to| page.rows.len() as u64 >= to.saturating_sub(gap.from))
                {
                    self.known_gaps.retain(|known| known != gap);
                }
                Ok(Some(self.out_of_turn(&gap.pass, gap.from, page)))
            }
            Err(error) if ends_the_run(&error) => Err(error),
            Err(_) => call.check().map(|()| None),
        }
    }

    /// The id behind pages that were put off, once a page came.
    pub(super) fn note_neighbour(&mut self, page: &Page) {
        let first = page.rows.first().and_then(short_id);
        for region in self.cursor.at.put_off.iter_mut().rev() {
            if region.after.is_some() {
                break;
            }
            region.after.clone_from(&first);
        }
    }
}
