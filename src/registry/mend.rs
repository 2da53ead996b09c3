//! Repairs almost valid JSON: keeping the row or the page matters more than strictness.

use std::borrow::Cow;

/// Parses a body that is not a page; null if it is not JSON.
pub(super) fn read_leniently(body: &[u8]) -> serde_json::Value {
    let text = String::from_utf8_lossy(body);
    serde_json::from_str(&mend_surrogates(&text)).unwrap_or_default()
}

/// Replaces escapes of unpaired surrogates with U+FFFD. `JSON.stringify` writes them for a text
/// that was cut inside an emoji. UTF-8 cannot represent them, and one character is not worth losing
/// the row.
pub(super) fn mend_surrogates(json: &str) -> Cow<'_, str> {
    /// The UTF-16 code unit of the escape at the start of a text.
    fn unit(text: &[u8]) -> Option<u16> {
        let digits = text.strip_prefix(b"\\u")?.get(..4)?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    }
    let mut mended = String::new();
    // How far the text has been copied, and where to look for the next escape.
    let (mut copied, mut from) = (0, 0);
    while let Some(found) = json.get(from..).and_then(|rest| rest.find('\\')) {
        let here = from + found;
        let rest = &json.as_bytes()[here..];
        from = here
            + match unit(rest) {
                Some(0xd800..=0xdbff)
                    if matches!(rest.get(6..).and_then(unit), Some(0xdc00..=0xdfff)) =>
                {
                    12
                }
                Some(0xd800..=0xdfff) => {
                    mended.push_str(&json[copied..here]);
                    mended.push_str("\\ufffd");
                    copied = here + 6;
                    6
                }
                Some(_) => 6,
                None => 2,
            };
    }
    if copied == 0 {
        return Cow::Borrowed(json);
    }
    mended.push_str(&json[copied..]);
    Cow::Owned(mended)
}

/// Replaces the numbers that a Python server writes but JSON does not have (NaN, Infinity) with one
/// that is out of range for every type: they then cost at most their row, not the page. `None` if
/// there are none.
pub(super) fn mend_numbers(json: &str) -> Option<String> {
    const TOO_LARGE: &str = "1e999";
    let mut mended = String::new();
    let (mut copied, mut at, mut in_text) = (0, 0, false);
    while let Some(byte) = json.as_bytes().get(at) {
        let word = |word: &str| json.as_bytes()[at..].starts_with(word.as_bytes());
        let length = match byte {
            b'"' => {
                in_text = !in_text;
                0
            }
            b'\\' if in_text => {
                // An escaped character does not end the string.
                at += 1;
                0
            }
            b'N' if !in_text && word("NaN") => 3,
            b'I' if !in_text && word("Infinity") => 8,
            _ => 0,
        };
        if length > 0 {
            mended.push_str(&json[copied..at]);
            mended.push_str(TOO_LARGE);
            copied = at + length;
        }
        at += length.max(1);
    }
    if copied == 0 {
        return None;
    }
    mended.push_str(&json[copied..]);
    Some(mended)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_json_does_not_have_are_replaced() {
        for (json, mended) in [
            (r#"{"a":NaN}"#, Some(r#"{"a":1e999}"#)),
            ("[NaN,-Infinity, Infinity ]", Some("[1e999,-1e999, 1e999 ]")),
            (
                r#"["NaN\"NaN",NaN,"é\\"]"#,
                Some(r#"["NaN\"NaN",1e999,"é\\"]"#),
            ),
            (r#"{"NaN":"Infinity\\","x":"\"NaN"}"#, None),
            ("é", None),
            ("\"\\", None),
            ("", None),
        ] {
            assert_eq!(mend_numbers(json).as_deref(), mended, "{json}");
        }
    }
}
