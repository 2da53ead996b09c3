//! Paths that somebody wrote for a shell, and that no shell has read.

use std::path::Path;

use crate::{Error, Result};

/// Fails if the path begins with what a shell, or `cmd`, would have replaced, or with the scheme of an address: a folder of
/// that name below the current one is not what was meant.
pub(super) fn ensure_none(setting: &str, path: &Path) -> Result<()> {
    let text = path.to_string_lossy();
    let Some(why) = reason(&text) else {
        return Ok(());
    };
    Err(Error::InvalidArgument(format!(
        "{setting} is {text}: {why}. Write the path itself, which may begin with ~/ for the home folder; \
         ./{text} is a file of that very name."
    )))
}

fn reason(text: &str) -> Option<&'static str> {
    let mut rest = text.chars();
    let first = rest.next()?;
    let next = rest.next();
    let is_name = |c: char| c.is_ascii_alphabetic() || c == '_';
    match first {
        '$' if next.is_some_and(|c| is_name(c) || matches!(c, '{' | '(')) => {
            Some("only a shell replaces a variable, and none has read this")
        }
        '%' if next.is_some_and(is_name) && text[1..].contains('%') => {
            Some("only a shell replaces a variable, and none has read this")
        }
        // `~` alone and `~/` are the caller's.
        '~' if next.is_some_and(is_name) => {
            Some("only ~/ is replaced here, by the home folder of this user")
        }
        '"' | '\'' => Some("the quotation marks are part of it, since no shell has read it"),
        _ if text.get(..5)?.eq_ignore_ascii_case("file:") => {
            Some("it is an address, and a path is wanted")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_have_replaced_is_no_path() {
        for text in [
            "$HOME/x.db",
            "${HOME}/x.db",
            "$(pwd)/x.db",
            "%USERPROFILE%\\x.db",
            "~ada/x.db",
            "\"~/x.db\"",
            "'/data/x.db'",
            "file:/data/x.db",
            "FILE:///data/x.db",
        ] {
            let error = ensure_none("--db", Path::new(text)).unwrap_err();
            let words = error.to_string();
            assert!(words.starts_with(&format!("--db is {text}: ")), "{words}");
        }
        for text in [
            "",
            "x",
            "/data/$HOME/x.db",
            "./$HOME/x.db",
            "$",
            "$1.db",
            "100%.db",
            "%x.db",
            "~",
            "~~.db",
            "files.db",
            "/data/it's.db",
            "file",
            "caf\u{e9}.db",
            "\u{e9}\u{e9}\u{e9}",
        ] {
            assert!(ensure_none("--db", Path::new(text)).is_ok(), "{text}");
        }
    }
}
