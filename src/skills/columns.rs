//! The columns of a table of skills, what goes into each, and what else its statements depend on.

use std::borrow::Cow;

use rusqlite::types::Value;

use crate::registry::field::{Field, FieldValue};
use crate::registry::wire::Skill;

/// A column for a field of the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    /// Its name in the table.
    pub(crate) name: &'static str,
    pub(crate) field: Field,
    pub(crate) made: Made,
    pub(crate) not_null: bool,
    /// The SQL expression of its default, if any.
    pub(crate) default: Option<String>,
}

/// How the value of a column is made of what was served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Made {
    /// It is stored as it is, in the column of the field's own name.
    AsServed,
    /// The same under another name. It is one thing of many about the skill: what cannot be
    /// read there is not worth the row.
    Renamed,
    /// A whole number from 0 to 100.
    Score,
    /// 0 for a skill in quarantine, 1 for one with a score.
    Passed,
}

/// The columns that a field can go to.
pub(super) fn known() -> impl Iterator<Item = (&'static str, Field, Made)> {
    let own_name = Field::ALL
        .into_iter()
        .filter(|field| *field != Field::SecurityFindings)
        .map(|field| (field.name(), field, Made::AsServed));
    own_name.chain([
        ("security_scanned_at", Field::LastScannedAt, Made::Renamed),
        ("risk_score", Field::SecurityScore, Made::Score),
        (
            "security_findings_count",
            Field::SecurityFindings,
            Made::Renamed,
        ),
        ("security_passed", Field::Quarantined, Made::Passed),
    ])
}

impl Column {
    /// What a served row says of it; `stored` is what stands there.
    pub(crate) fn value<'s>(
        &self,
        skill: &'s Skill,
        stored: Option<&Value>,
    ) -> Cow<'s, FieldValue> {
        let served = &skill.fields[self.field];
        match (self.made, served) {
            (Made::Renamed | Made::Score, FieldValue::Invalid(_)) => Cow::Owned(FieldValue::Null),
            (Made::Score, FieldValue::Real(score)) => {
                Cow::Owned(whole_score(*score).map_or(FieldValue::Null, FieldValue::Integer))
            }
            (Made::Passed, _) => Cow::Owned(passed(skill, stored)),
            _ => Cow::Borrowed(served),
        }
    }

    /// What the user is told where the value is not what was served.
    pub(super) fn note(&self, skill: &Skill) -> Option<String> {
        let name = self.field.name();
        match (self.made, &skill.fields[self.field]) {
            (Made::Score, FieldValue::Real(score)) if whole_score(*score).is_some() => None,
            (Made::Score, FieldValue::Real(_) | FieldValue::Invalid(_)) => Some(format!(
                "its {name} is not a number from 0 to 100 and is not stored"
            )),
            (Made::Renamed, FieldValue::Invalid(expected)) => {
                Some(format!("its {name} is not {expected} and is not stored"))
            }
            (Made::Passed, FieldValue::Invalid(expected)) => {
                Some(format!("its {name} is not {expected} and changes nothing"))
            }
            _ => None,
        }
    }
}

/// A score as the column takes it: a whole number from 0 to 100.
fn whole_score(score: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "checked: from 0 to 100")]
    (0.0..=100.0).contains(&score).then(|| score.round() as i64)
}

fn passed(skill: &Skill, stored: Option<&Value>) -> FieldValue {
    let is_marked = stored == Some(&Value::Integer(0));
    let score = match &skill.fields[Field::SecurityScore] {
        FieldValue::Real(score) => whole_score(*score),
        _ => None,
    };
    let has_no_score_field = skill.fields[Field::SecurityScore] == FieldValue::Absent;
    match &skill.fields[Field::Quarantined] {
        // Nothing is cleared by what nobody can read.
        FieldValue::Invalid(_) => FieldValue::Absent,
        FieldValue::Integer(1) => FieldValue::Integer(0),
        _ if score.is_some() => FieldValue::Integer(1),
        // Out of quarantine, and nothing is known of a scan.
        FieldValue::Integer(_) if is_marked => FieldValue::Null,
        _ if has_no_score_field => FieldValue::Absent,
        FieldValue::Absent if is_marked => FieldValue::Absent,
        _ => FieldValue::Null,
    }
}

/// The version from which on the record holds the registry's own hashes.
pub(super) const CONTENT_VERSION: i64 = 18;

/// What the hashes in the record of versions are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Versions {
    /// There is no such record.
    None,
    /// Before version 18: of the skill's row. `is_stamped`: the file says which version it has.
    OfRow { is_stamped: bool },
    /// The registry's hash of the skill itself.
    OfContent,
}

/// Features that differ between files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that have nothing to do with each other"
)]
pub(crate) struct TableFeatures {
    /// `updated_at`, which shows that a row is unchanged.
    pub(crate) stamp: bool,
    pub(crate) source: bool,
    /// A UNIQUE `repo_url`.
    pub(crate) unique_url: bool,
    /// `security_passed`, where 0 marks what is in quarantine.
    pub(crate) mark: bool,
    pub(crate) versions: Versions,
    /// `categories`, and which skill is in which.
    pub(crate) categories: bool,
    pub(crate) fts: bool,
    /// The triggers that keep the full-text index in step.
    pub(crate) fts_triggers: bool,
    /// Triggers of other programs, or a conflict clause of the table, which may take back or change what a
    /// statement has written.
    pub(crate) foreign_writes: bool,
}
