//! Text from outside, as a terminal may print it.

use std::fmt::Write as _;

/// Text from outside: what a terminal would obey, or would not show, is an escape.
pub(super) fn clean(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_hidden(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// The same, cut to `longest` characters.
pub(super) fn shortened(text: &str, longest: usize) -> String {
    let text = clean(text);
    if text.chars().count() <= longest {
        return text;
    }
    let head: String = text.chars().take(longest - 1).collect();
    format!("{}…", head.trim_end())
}

/// A JSON document in which such characters are escapes of JSON; those below U+0020 already are, or stand
/// between its values.
pub(super) fn clean_json(document: &str) -> String {
    let mut shown = String::with_capacity(document.len());
    for character in document.chars() {
        if character >= '\u{7f}' && is_hidden(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Control characters of any kind, and those without a width that change what stands around them or let two
/// texts look alike. Most are `Default_Ignorable_Code_Point` of Unicode 17; variation selectors, which choose
/// the form of a sign, are shown.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_or_hide_is_an_escape() {
        for (text, shown) in [
            ("a\u{1b}[2Jb", r"a\u{1b}[2Jb"),
            ("a\r\n\tb", r"a\r\n\tb"),
            ("\u{9b}31m\u{7f}\0", r"\u{9b}31m\u{7f}\u{0}"),
            (
                "\u{202e}gpj\u{2066}.exe\u{200b}",
                r"\u{202e}gpj\u{2066}.exe\u{200b}",
            ),
            (
                "a\u{2028}b\u{feff}\u{e0041}",
                r"a\u{2028}b\u{feff}\u{e0041}",
            ),
            (
                "Ünïcödé 日本 ⚠\u{fe0f} \u{5d0} a\u{301}",
                "Ünïcödé 日本 ⚠\u{fe0f} \u{5d0} a\u{301}",
            ),
        ] {
            assert_eq!(clean(text), shown);
        }
        assert_eq!(shortened("\u{1b}abc", 5), r"\u{1…");
    }

    #[test]
    fn json_means_the_same_and_has_none_of_them() {
        let text = "\u{9b}31m \u{7f} \u{202e} \u{e0041} é 日 \n\0";
        let document = serde_json::to_string_pretty(&[text]).unwrap();
        let shown = clean_json(&document);
        assert!(
            shown.contains(r"\u009b31m \u007f \u202e \udb40\udc41 é 日 \n\u0000"),
            "{shown}"
        );
        assert_eq!(serde_json::from_str::<Vec<String>>(&shown).unwrap(), [text]);
        assert!(shown.chars().all(|c| c == '\n' || !is_hidden(c)));
    }
}
