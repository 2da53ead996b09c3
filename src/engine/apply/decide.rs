//! Decides what to do with a row: whether it is compared by stamp or by content, and what is
//! staged.

use super::{Applier, Pending, text_bytes};
use crate::Result;
use crate::clock::{from_iso, to_iso};
use crate::engine::tally;
use crate::fingerprint::row_of_id;
use crate::registry::field::{Field, FieldValue};
use crate::registry::wire::Skill;
use crate::skills::categories::Categories;
use crate::skills::compare::Stored;
use crate::skills::{Fingerprints, RowOutcome, Shape, categories, compare, row, stamp, urls};

impl Applier<'_> {
    pub(super) fn take_skill(&mut self, skill: Box<Skill>, note: Option<String>) -> Result<()> {
        let outcome = self.fingerprints.outcome(&skill.id);
        let is_met = outcome != RowOutcome::Unseen;
        if (is_met || !self.is_by_content(&skill.id)) && self.stands_here(&skill) {
            self.twice.later_came(&skill.id);
            return self.note_unchanged(&skill, outcome);
        }
        if self.is_too_old(&skill) {
            return self.note_unchanged(&skill, outcome);
        }
        if is_met {
            // A second copy in one listing: the later one counts.
            let here = self.stamp_here(&skill.id)?;
            let comes_later = stamp::is_later(skill.stamp(), here.as_deref());
            // A row without a stamp may be stored under one that is not the registry's.
            let is_earlier = is_stamped(&skill) && stamp::is_later(here.as_deref(), skill.stamp());
            if comes_later || is_earlier {
                self.twice.note(&skill.id);
            }
            if !comes_later {
                return Ok(());
            }
        } else if self.waits_for_a_later_copy(&skill)? {
            if self.twice.hold(skill, note) {
                return Ok(());
            }
            // The copy is not kept: the next listing, read in one run, sees both.
            self.tally.leave_for_next();
            return Ok(());
        }
        self.twice.later_came(&skill.id);
        self.compare_and_stage(&skill, note, outcome)
    }

    /// Whether a copy that is older than the stored row may be followed by the stored one.
    fn waits_for_a_later_copy(&self, skill: &Skill) -> Result<bool> {
        if !self.tools.table.has.stamp || self.fingerprints.is_new(&skill.id) {
            return Ok(false);
        }
        let may_be_listed_twice =
            self.twice.is_known(&skill.id) || (self.rules.is_resumed && is_stamped(skill));
        if !may_be_listed_twice {
            return Ok(false);
        }
        let here = self.stamp_here(&skill.id)?;
        Ok(stamp::is_later(here.as_deref(), skill.stamp()))
    }

    /// The registry's stamp of the staged row, or else of the stored one.
    fn stamp_here(&self, id: &str) -> Result<Option<String>> {
        if self.unstamped.contains(&row_of_id(id)) {
            return Ok(None);
        }
        if self.stage.contains(id)? {
            return self.stage.stamp(id);
        }
        let found = compare::stored(self.tools.conn, self.tools.table, id)?;
        let stamp = found.and_then(|found| {
            let stamp = found.text(self.tools.table, Field::UpdatedAt)?;
            Some(stamp.to_owned())
        });
        Ok(stamp)
    }

    fn compare_and_stage(
        &mut self,
        skill: &Skill,
        note: Option<String>,
        outcome: RowOutcome,
    ) -> Result<()> {
        if outcome != RowOutcome::Unseen && self.stage.contains(&skill.id)? {
            // Compare it with the newest version.
            self.flush()?;
        }
        let table = self.tools.table;
        let found = if self.fingerprints.is_new(&skill.id) {
            None
        } else {
            compare::stored(self.tools.conn, table, &skill.id)?
        };
        let categories = categories::of(skill, table);
        // For a later copy of a row already written, the stored stamp may be that of either.
        let by_content = outcome != RowOutcome::Unseen || self.is_by_content(&skill.id);
        let verdict = match &found {
            None => compare::Verdict::Changed,
            Some(found) => {
                let (conn, categories) = (self.tools.conn, categories.as_ref());
                compare::verdict(conn, skill, categories, found, table, by_content)?
            }
        };
        match verdict {
            compare::Verdict::Unchanged => self.note_unchanged(skill, outcome),
            compare::Verdict::OnlyUrlMissing => {
                self.set_url_aside(skill)?;
                self.note_unchanged(skill, outcome)
            }
            compare::Verdict::Changed => {
                self.stage_changed(skill, categories.as_ref(), note, (found.as_ref(), outcome))
            }
        }
    }

    /// Sets the URL aside while another row may still have it; it is written once that is settled.
    fn set_url_aside(&mut self, skill: &Skill) -> Result<()> {
        if let Some(url) = skill.fields[Field::RepoUrl].as_text()
            && !self.rules.dry_run
            && urls::set_aside(self.tools.conn, &skill.id, url)?
        {
            self.has_urls = true;
            self.staged.add(url.len());
        }
        Ok(())
    }

    /// Stages a row that must be written, over the stored row if there is one.
    fn stage_changed(
        &mut self,
        skill: &Skill,
        categories: Option<&Categories>,
        note: Option<String>,
        (stored, from): (Option<&Stored>, RowOutcome),
    ) -> Result<()> {
        let table = self.tools.table;
        let to = RowOutcome::after(from, stored.is_none());
        if skill.stamp().is_some() {
            self.unstamped.remove(&row_of_id(&skill.id));
        } else {
            self.unstamped.try_reserve(1)?;
            self.unstamped.insert(row_of_id(&skill.id));
        }
        let shape = Shape {
            has_url: self.has_url(skill),
            is_marked: compare::is_marked_after(skill, stored, table),
        };
        self.fingerprints
            .note(&skill.id, skill.stamp().unwrap_or_default(), shape, to);
        let of_categories = categories.and_then(Categories::note);
        let notes: Vec<String> = note
            .into_iter()
            .chain(of_categories)
            .chain(row::notes(skill, table))
            .collect();
        let note = (!notes.is_empty()).then(|| tally::about(&skill.id, &notes.join("; ")));
        self.pending.push(Pending { from, to, note });
        self.staged.add(text_bytes(skill));
        if self.rules.dry_run {
            return Ok(());
        }
        let now = match skill.stamp() {
            Some(_) => String::new(),
            None => to_iso(self.tools.clock.now()),
        };
        self.stage.push(skill, categories, stored, &now)
    }

    /// Whether a row is compared by its content, and not by its stamp.
    fn is_by_content(&self, id: &str) -> bool {
        self.rules.mode.is_by_content() || self.unfilled.contains(id)
    }

    /// Whether the fingerprint says that the row is stored with this stamp.
    fn stands_here(&self, skill: &Skill) -> bool {
        let state = self.fingerprints.state(row_of_id(&skill.id));
        state.is_some_and(|state| self.states_of(skill).any(|served| served == state))
    }

    /// The states in which the row is stored as it was served; none if it has no stamp. An absent
    /// field keeps the stored value, so either matches.
    pub(super) fn states_of<'s>(&self, skill: &'s Skill) -> impl Iterator<Item = u64> + use<'s> {
        let has = self.tools.table.has;
        let (url, mark) = (&skill.fields[Field::RepoUrl], compare::quarantine(skill));
        let has_url = (*url != FieldValue::Absent).then(|| self.has_url(skill));
        let is_marked = mark.map(|is_in| has.mark && is_in);
        let stamp = skill.stamp().filter(|_| has.stamp);
        stamp.into_iter().flat_map(move |stamp| {
            let shapes = [false, true]
                .into_iter()
                .flat_map(|has_url| [false, true].map(|is_marked| Shape { has_url, is_marked }));
            shapes
                .filter(move |shape| {
                    has_url.is_none_or(|has| has == shape.has_url)
                        && is_marked.is_none_or(|is| is == shape.is_marked)
                })
                .map(move |shape| Fingerprints::state_of(&skill.id, stamp, shape))
        })
    }

    fn has_url(&self, skill: &Skill) -> bool {
        self.tools.table.has.unique_url && skill.fields[Field::RepoUrl].as_text().is_some()
    }

    fn is_too_old(&self, skill: &Skill) -> bool {
        self.rules.since.is_some_and(|since| {
            skill
                .stamp()
                .is_some_and(|stamp| !stamp::newer_than(stamp, since))
        })
    }

    fn note_unchanged(&mut self, skill: &Skill, outcome: RowOutcome) -> Result<()> {
        if outcome == RowOutcome::Unseen {
            self.tally.transition(outcome, RowOutcome::Unchanged);
            self.fingerprints
                .note_outcome(&skill.id, RowOutcome::Unchanged);
            if !self.rules.dry_run && self.stage.push_version(skill)? {
                self.staged.add(skill.id.len());
            }
        }
        Ok(())
    }

    /// At the end of the listing, takes in the copies that were held back: no later ones came.
    pub(in crate::engine) fn take_held(&mut self) -> Result<()> {
        for (skill, note) in self.twice.take_held() {
            let outcome = self.fingerprints.outcome(&skill.id);
            if outcome == RowOutcome::Unseen {
                self.compare_and_stage(&skill, note, outcome)?;
            }
        }
        Ok(())
    }
}

/// Whether a skill has a valid stamp, so that a later copy can be recognized.
fn is_stamped(skill: &Skill) -> bool {
    skill.stamp().is_some_and(|stamp| from_iso(stamp).is_some())
}
