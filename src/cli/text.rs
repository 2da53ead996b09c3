//! Text from outside, as a terminal may print it.

use std::fmt::Write as _;

/// Text from outside: what a terminal would obey, or would not show, is an escape.
pub(super) fn clean(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (character, is_hidden) in characters(text) {
        if is_hidden {
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
    for (character, is_hidden) in characters(document) {
        if character >= '\u{7f}' && is_hidden {
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

/// The characters of a text, each with whether it is an escape.
fn characters(text: &str) -> impl Iterator<Item = (char, bool)> {
    let mut before = None;
    text.char_indices().map(move |(at, character)| {
        let behind = || text[at..].chars().nth(1);
        let is_form = matches!(character, TEXT_FORM | EMOJI_FORM)
            && before.is_some_and(|base| has_forms(base, behind));
        before = Some(character);
        (character, is_hidden(character) && !is_form)
    })
}

/// The variation selectors that make a sign of text, and an emoji, of the one before.
const TEXT_FORM: char = '\u{fe0e}';
const EMOJI_FORM: char = '\u{fe0f}';

/// Whether a character has both forms, so that a selector behind it is an ordinary part of a text. About: the blocks of Unicode
/// that have such characters, where two signs do not look alike for it. A digit has both only as a key (`1`, selector,
/// U+20E3); with the selector alone, it looks like the digit.
fn has_forms(base: char, behind: impl FnOnce() -> Option<char>) -> bool {
    match base {
        '0'..='9' | '#' | '*' => behind() == Some('\u{20e3}'),
        '\u{a9}'
        | '\u{ae}'
        | '\u{203c}'
        | '\u{2049}'
        | '\u{2122}'..='\u{2139}'
        | '\u{2190}'..='\u{27bf}'
        | '\u{2934}'..='\u{2935}'
        | '\u{2b05}'..='\u{2b55}'
        | '\u{3030}'
        | '\u{303d}'
        | '\u{3297}'..='\u{3299}'
        | '\u{1f000}'..='\u{1faff}' => true,
        _ => false,
    }
}

/// Control characters of any kind, and those without a width that change what stands around them or let two
/// texts look alike. Most are `Default_Ignorable_Code_Point` of Unicode 17.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
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
                "a\u{fe0f}1\u{fe0f}\u{fe00}\u{180b}\u{e0101}\u{3164}",
                r"a\u{fe0f}1\u{fe0f}\u{fe00}\u{180b}\u{e0101}\u{3164}",
            ),
            // Not twice, and not at the start.
            ("\u{fe0f}☎\u{fe0e}\u{fe0f}", "\\u{fe0f}☎\u{fe0e}\\u{fe0f}"),
            (
                "1\u{fe0f}\u{20e3} ©\u{fe0f} ❤\u{fe0f} 🕸\u{fe0f}",
                "1\u{fe0f}\u{20e3} ©\u{fe0f} ❤\u{fe0f} 🕸\u{fe0f}",
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
        let emoji = "a\u{fe0f} ⚠\u{fe0f}";
        let shown = clean_json(&serde_json::to_string(emoji).unwrap());
        assert_eq!(shown, "\"a\\ufe0f ⚠\u{fe0f}\"");
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), emoji);
    }
}
