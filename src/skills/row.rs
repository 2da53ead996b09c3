//! Adapts a served row to the table.

use super::columns::Made;
use super::table::Table;
use crate::registry::field::{Field, FieldValue};
use crate::registry::wire::Skill;

/// Why a row cannot be stored.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unfit(pub(crate) String);

/// Lowers the tier to one that the table allows. Returns a note for a warning if it was lowered.
///
/// # Errors
/// A field for a column of this table is invalid.
pub(crate) fn fit(skill: &mut Skill, table: &Table) -> Result<Option<String>, Unfit> {
    for column in &table.columns {
        if column.made == Made::AsServed
            && let FieldValue::Invalid(expected) = skill.fields[column.field]
        {
            return Err(Unfit(format!(
                "its {} is not {expected}",
                column.field.name()
            )));
        }
    }
    let FieldValue::Text(tier) = &mut skill.fields[Field::TrustTier] else {
        return Ok(None);
    };
    let narrowed = table.tier_for(tier);
    if narrowed == tier {
        return Ok(None);
    }
    let note = format!(
        "its trust tier '{tier}' is stored as '{narrowed}', since this database does not know it"
    );
    *tier = narrowed.to_owned();
    Ok(Some(note))
}

/// What is stored otherwise than it was served, beside the tier, for a warning.
pub(crate) fn notes<'t>(skill: &'t Skill, table: &'t Table) -> impl Iterator<Item = String> + 't {
    let mended = "a damaged character in its text is stored as U+FFFD";
    let mended = skill.mended.then(|| mended.to_owned());
    let columns = table.columns.iter().filter_map(|column| column.note(skill));
    columns.chain(mended)
}
