//! Rows: skills, and rows that cannot be read as one.

use crate::registry::field::{Field, Fields, Value};

/// One skill, as served.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Skill {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) fields: Fields,
    /// One of its texts contained an unpaired surrogate, which is now U+FFFD.
    pub(crate) mended: bool,
}

impl Skill {
    /// The registry's timestamp of the last change, if the row has one.
    pub(crate) fn stamp(&self) -> Option<&str> {
        self.fields[Field::UpdatedAt].as_text()
    }

    /// Whether one of its texts contains the character.
    pub(super) fn holds(&self, wanted: char) -> bool {
        self.id.contains(wanted)
            || self.name.contains(wanted)
            || self.fields.texts().any(|text| text.contains(wanted))
    }
}

/// One element of a page: a skill, or a row that cannot be read as one.
///
/// ```
/// use skillsmith_sync::registry::{Page, Value};
///
/// let page = Page::parse(br#"{"data": [
///     {"id": "a/b", "name": "b", "stars": 7, "tags": ["git"]},
///     {"id": "c/d", "name": 5}
/// ]}"#)?;
/// let [skill, rejected] = page.rows() else { unreachable!() };
///
/// assert_eq!((skill.id(), skill.name()), (Some("a/b"), Some("b")));
/// assert_eq!(skill.field("stars"), Some(Value::Integer(7)));
/// assert_eq!(skill.field("tags"), Some(Value::Json(r#"["git"]"#)));
/// assert_eq!(skill.field("description"), None);
///
/// assert_eq!(rejected.rejection(), Some("its name is not a text"));
/// # Ok::<(), skillsmith_sync::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Row(pub(crate) Content);

impl Row {
    /// The skill's id. For a rejected row, its id if it can be read.
    pub fn id(&self) -> Option<&str> {
        match &self.0 {
            Content::Skill(skill) => Some(&skill.id),
            Content::Rejected(row) => row.id.as_deref(),
        }
    }

    /// The skill's name; `None` for a rejected row.
    pub fn name(&self) -> Option<&str> {
        Some(&self.skill()?.name)
    }

    /// A field by its name in the registry, such as `description`, `repo_url` or `trust_tier`. Of
    /// `security_findings`, only the number is kept.
    ///
    /// `None` if the row lacks the field or has `null` or a value of the wrong type, for an unknown
    /// field, and for a rejected row.
    pub fn field(&self, name: &str) -> Option<Value<'_>> {
        let skill = self.skill()?;
        match name {
            "id" => Some(Value::Text(&skill.id)),
            "name" => Some(Value::Text(&skill.name)),
            name => {
                let field = Field::named(name)?;
                skill.fields[field].public(field.kind())
            }
        }
    }

    /// Why the row is rejected; `None` for a skill.
    pub fn rejection(&self) -> Option<&str> {
        match &self.0 {
            Content::Skill(_) => None,
            Content::Rejected(row) => Some(&row.reason),
        }
    }

    /// The registry's timestamp of the last change, if the row has one.
    pub(crate) fn stamp(&self) -> Option<&str> {
        self.skill()?.stamp()
    }

    fn skill(&self) -> Option<&Skill> {
        match &self.0 {
            Content::Skill(skill) => Some(skill),
            Content::Rejected(_) => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    Skill(Box<Skill>),
    Rejected(Rejected),
}

/// A row that is not a skill.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rejected {
    /// Its id, if it can be read.
    pub(crate) id: Option<String>,
    /// Its id or name, if it has one.
    pub(crate) label: Option<String>,
    pub(crate) reason: String,
    /// Distinguishes it from other rejected rows when pages are read again.
    pub(crate) fingerprint: u64,
}
