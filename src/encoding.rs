//! Texts in another encoding than UTF-8, as some editors and shells write them.

/// The encoding of a text, if it is UTF-16 or UTF-32. Without a byte order mark the zeros beside its first characters
/// show it: those are of ASCII in every file that is read here.
pub(crate) fn other_than_utf_8(text: &[u8]) -> Option<&'static str> {
    Some(match text {
        [0xff, 0xfe, 0, 0, ..]
        | [0, 0, 0xfe, 0xff, ..]
        | [1..=255, 0, 0, 0, ..]
        | [0, 0, 0, 1..=255, ..] => "UTF-32",
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [1..=255, 0, ..] | [0, 1..=255, ..] => "UTF-16",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_texts_are_known_with_and_without_a_byte_order_mark() {
        for mark in ["", "\u{feff}"] {
            let text = format!("{mark}{{}}");
            let wide = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect();
            let wider = |bytes: fn(u32) -> [u8; 4]| text.chars().map(u32::from).flat_map(bytes);
            let of_16: [Vec<u8>; 2] = [wide(u16::to_le_bytes), wide(u16::to_be_bytes)];
            let of_32 = [u32::to_le_bytes, u32::to_be_bytes].map(|bytes| wider(bytes).collect());
            assert_eq!(
                of_16.map(|text| other_than_utf_8(&text)),
                [Some("UTF-16"); 2]
            );
            assert_eq!(
                of_32.map(|text: Vec<u8>| other_than_utf_8(&text)),
                [Some("UTF-32"); 2]
            );
            assert_eq!(other_than_utf_8(text.as_bytes()), None);
        }
        // A power cut may leave zeros in the place of all characters.
        for text in [&b""[..], b"{", b"\0", &[0; 8]] {
            assert_eq!(other_than_utf_8(text), None, "{text:?}");
        }
    }
}
