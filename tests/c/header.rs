//! What the header declares.

use std::sync::LazyLock;

use regex::Regex;

use crate::build::root;

/// A function of the header.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) returns: String,
    pub(crate) parameters: Vec<Parameter>,
}

#[derive(Debug)]
pub(crate) struct Parameter {
    /// As in C, without `struct` and spaces around stars.
    pub(crate) kind: String,
    pub(crate) name: String,
}

pub(crate) fn text() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        std::fs::read_to_string(root().join("include/skillsmith_sync.h")).unwrap()
    });
    &TEXT
}

/// Without comments.
fn code() -> String {
    Regex::new(r"(?s)/\*.*?\*/|//[^\n]*")
        .unwrap()
        .replace_all(text(), "")
        .into_owned()
}

pub(crate) fn functions() -> Vec<Function> {
    let code = code();
    let functions: Vec<_> =
        Regex::new(r"(?m)^((?:const )?[a-z_0-9]+ \*?)(skillsmith_[a-z_0-9]+)\(([^;]*)\);")
            .unwrap()
            .captures_iter(&code)
            .map(|found| Function {
                name: found[2].to_owned(),
                returns: found[1].trim().to_owned(),
                parameters: found[3]
                    .split(',')
                    .map(str::trim)
                    .filter(|one| *one != "void")
                    .map(parameter)
                    .collect(),
            })
            .collect();
    assert!(functions.len() > 80, "{functions:?}");
    functions
}

fn parameter(text: &str) -> Parameter {
    let text = text.replace("struct ", "");
    let start = text
        .rfind(|character: char| !character.is_alphanumeric() && character != '_')
        .unwrap();
    let (kind, name) = text.split_at(start + 1);
    Parameter {
        kind: kind.trim().replace(" *", "*"),
        name: name.to_owned(),
    }
}

/// The members of the structures: `(structure, member)`.
pub(crate) fn members() -> Vec<(String, String)> {
    let code = code();
    let member = Regex::new(r"([a-z0-9_]+);").unwrap();
    Regex::new(r"(?s)typedef struct ([a-z0-9_]+) \{(.*?)\}")
        .unwrap()
        .captures_iter(&code)
        .flat_map(|found| {
            let structure = found[1].to_owned();
            member
                .captures_iter(&found[2])
                .map(|found| (structure.clone(), found[1].to_owned()))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The names of the errors, without the prefix.
pub(crate) fn errors() -> Vec<String> {
    let code = code();
    let body = Regex::new(r"(?s)enum skillsmith_status.*?\{(.*?)\};")
        .unwrap()
        .captures(&code)
        .unwrap()[1]
        .to_owned();
    Regex::new(r"SKILLSMITH_([A-Z_]+) = ([1-9][0-9]*)")
        .unwrap()
        .captures_iter(&body)
        .map(|found| found[1].to_owned())
        .collect()
}
