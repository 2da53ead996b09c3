//! The forms in which a secret may appear in untrusted text.
//!
//! A registry that echoes what it was sent may have turned it into a host name, which is lower
//! case, into a URL, into a header in Base64, into hexadecimal digits, or into a string of JSON or HTML, of which it may
//! have escaped each character. Each of these reveals the secret.

use std::fmt;
use std::ops::Range;

use crate::fingerprint::hex;

/// Shorter secrets are searched for in their exact form only: in another case, or in Base64, they
/// would occur by chance.
const SHORTEST: usize = 8;

/// Nobody keeps a secret in fewer bytes, and marking each place where they occur would make messages unreadable.
const SHORTEST_SECRET: usize = 3;

/// How many times a text is decoded: proxies encode again what is already encoded.
const LAYERS: usize = 3;

/// What a character that is encoded begins with.
const MARKS: [char; 3] = ['%', '\\', '&'];

/// The secrets and their encoded forms.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Disguises {
    needles: Vec<Needle>,
}

#[derive(Clone, PartialEq, Eq)]
struct Needle {
    bytes: Vec<u8>,
    any_case: bool,
}

impl Disguises {
    pub(super) fn of<'a>(secrets: impl Iterator<Item = &'a str>) -> Self {
        let mut needles = Vec::new();
        for secret in secrets.filter(|secret| secret.len() >= SHORTEST_SECRET) {
            let escaped = escaped(secret);
            for text in std::iter::once(secret).chain(escaped.iter().map(String::as_str)) {
                needles.push(Needle {
                    bytes: text.as_bytes().to_vec(),
                    any_case: text.len() >= SHORTEST,
                });
            }
            if secret.len() >= SHORTEST {
                needles.push(Needle {
                    bytes: hex(secret.as_bytes()).into_bytes(),
                    any_case: true,
                });
            }
            // Base64 depends on the offset of the text within a group of three bytes.
            for place in 0..3 {
                let text = within_base64(secret.as_bytes(), place);
                for text in [text.replace('+', "-").replace('/', "_"), text] {
                    let needle = Needle {
                        bytes: text.into_bytes(),
                        any_case: true,
                    };
                    if needle.bytes.len() >= SHORTEST && !needles.contains(&needle) {
                        needles.push(needle);
                    }
                }
            }
        }
        // Of matches that start at the same place, the longest is removed.
        needles.sort_unstable_by_key(|needle| std::cmp::Reverse(needle.bytes.len()));
        Self { needles }
    }

    /// Where they occur, in order; overlapping and adjacent matches are merged.
    pub(super) fn find(&self, text: &str) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        self.search(text.as_bytes(), |range| range, &mut found);
        let mut layer = text.contains(MARKS).then(|| Layer::of(text));
        for _ in 0..LAYERS {
            layer = layer.and_then(|layer| layer.decoded());
            let Some(layer) = &layer else {
                break;
            };
            self.search(&layer.bytes, |range| layer.origin(&range), &mut found);
        }
        found.sort_unstable_by_key(|range| range.start);
        let mut pieces: Vec<Range<usize>> = Vec::new();
        for range in found {
            match pieces.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => pieces.push(range),
            }
        }
        pieces
    }

    fn search(
        &self,
        bytes: &[u8],
        origin: impl Fn(Range<usize>) -> Range<usize>,
        found: &mut Vec<Range<usize>>,
    ) {
        for needle in &self.needles {
            for (start, window) in bytes.windows(needle.bytes.len()).enumerate() {
                if needle.is(window) {
                    found.push(origin(start..start + window.len()));
                }
            }
        }
    }
}

/// The secret as strings of JSON and HTML have it, where that is another text.
fn escaped(secret: &str) -> Vec<String> {
    let json = serde_json::to_string(secret).unwrap_or_default();
    let json = json
        .strip_prefix('"')
        .and_then(|json| json.strip_suffix('"'));
    let json = json.unwrap_or_default().to_owned();
    let html = secret
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;");
    let apostrophes = ["&#39;", "&#x27;", "&apos;"].map(|entity| html.replace('\'', entity));
    let mut texts = vec![json.replace('/', "\\/"), json, html];
    texts.extend(apostrophes);
    texts.retain(|text| text != secret && !text.is_empty());
    texts.sort_unstable();
    texts.dedup();
    texts
}

impl Needle {
    fn is(&self, window: &[u8]) -> bool {
        if self.any_case {
            window.eq_ignore_ascii_case(&self.bytes)
        } else {
            window == self.bytes
        }
    }
}

impl fmt::Debug for Disguises {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Disguises")
    }
}

/// A text after some rounds of decoding, and the origin of each of its bytes.
struct Layer {
    bytes: Vec<u8>,
    origins: Vec<Range<usize>>,
}

impl Layer {
    fn of(text: &str) -> Self {
        Self {
            bytes: text.as_bytes().to_vec(),
            origins: (0..text.len()).map(|at| at..at + 1).collect(),
        }
    }

    /// Removes one layer of encoding; `None` if there is none.
    fn decoded(&self) -> Option<Self> {
        let mut next = Self {
            bytes: Vec::with_capacity(self.bytes.len()),
            origins: Vec::with_capacity(self.bytes.len()),
        };
        let mut at = 0;
        while let Some(byte) = self.bytes.get(at) {
            let (encoded, length) = encoded(&self.bytes[at..]).unwrap_or((Encoded::Byte(*byte), 1));
            let origin = self.origin(&(at..at + length));
            let mut room = [0; 4];
            for byte in encoded.bytes(&mut room) {
                next.bytes.push(*byte);
                next.origins.push(origin.clone());
            }
            at += length;
        }
        (next.bytes.len() < self.bytes.len()).then_some(next)
    }

    fn origin(&self, range: &Range<usize>) -> Range<usize> {
        self.origins[range.start].start..self.origins[range.end - 1].end
    }
}

/// What stands for an encoded character.
enum Encoded {
    /// One byte of it.
    Byte(u8),
    Char(char),
}

impl Encoded {
    fn bytes<'r>(&self, room: &'r mut [u8; 4]) -> &'r [u8] {
        match self {
            Self::Byte(byte) => {
                room[0] = *byte;
                &room[..1]
            }
            Self::Char(character) => character.encode_utf8(room).as_bytes(),
        }
    }
}

/// What is encoded at the start, and in how many bytes: `%41`, `\u0041`, `\x41`, `&#65;` or `&#x41;`.
fn encoded(bytes: &[u8]) -> Option<(Encoded, usize)> {
    let (rest, digits, is_byte) = match bytes {
        [b'%', rest @ ..] | [b'\\', b'x', rest @ ..] => (rest, 2, true),
        [b'\\', b'u', rest @ ..] => (rest, 4, false),
        [b'&', b'#', b'x' | b'X', rest @ ..] => return entity(bytes, rest, 16),
        [b'&', b'#', rest @ ..] => return entity(bytes, rest, 10),
        _ => return None,
    };
    let number = number(rest.get(..digits)?, 16)?;
    let encoded = if is_byte {
        Encoded::Byte(u8::try_from(number).ok()?)
    } else {
        Encoded::Char(char::from_u32(number)?)
    };
    Some((encoded, bytes.len() - rest.len() + digits))
}

/// The character of HTML whose number stands at the start of `rest`.
fn entity(bytes: &[u8], rest: &[u8], base: u32) -> Option<(Encoded, usize)> {
    /// With zeros before it.
    const LONGEST: usize = 12;
    let end = rest.iter().take(LONGEST).position(|byte| *byte == b';')?;
    let character = char::from_u32(number(&rest[..end], base)?)?;
    Some((Encoded::Char(character), bytes.len() - rest.len() + end + 1))
}

/// The number in these digits; `None` if there are none, or other characters.
fn number(digits: &[u8], base: u32) -> Option<u32> {
    let is_number =
        !digits.is_empty() && digits.iter().all(|byte| char::from(*byte).is_digit(base));
    let digits = std::str::from_utf8(digits).ok().filter(|_| is_number)?;
    u32::from_str_radix(digits, base).ok()
}

/// The Base64 characters that depend on this secret only, for the given offset in a group.
fn within_base64(secret: &[u8], place: usize) -> String {
    let mut padded = vec![0; place];
    padded.extend_from_slice(secret);
    let whole = base64(&padded);
    // A character has six bits: those that start before the secret or end after it are shared.
    whole[(place * 8).div_ceil(6)..padded.len() * 8 / 6].to_owned()
}

pub(super) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4_usize {
            if digit > group.len() {
                text.push('=');
            } else {
                let shift = 18 - 6 * digit;
                text.push(char::from(DIGITS[(bits >> shift & 63) as usize]));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_what_everybody_writes() {
        for (plain, text) in [
            ("", ""),
            ("M", "TQ=="),
            ("Ma", "TWE="),
            ("Man", "TWFu"),
            ("user:pass?>~", "dXNlcjpwYXNzPz5+"),
        ] {
            assert_eq!(base64(plain.as_bytes()), text);
        }
    }

    #[test]
    fn what_overlaps_is_one_piece() {
        let both = Disguises::of(["abcd", "cdef"].into_iter());
        assert_eq!(both.find("xabcdefx abcd cdef"), [1..7, 9..13, 14..18]);
        assert!(both.find("ABCD x").is_empty());
        assert_eq!(both.find("%61bc%64").first(), Some(&(0..8)));
    }

    #[test]
    fn each_form_of_a_character_is_decoded() {
        let secret = Disguises::of(["sk-live-\u{e9}"].into_iter());
        for text in [
            "736b2d6c6976652dc3a9",
            "736B2D6C6976652DC3A9",
            r"\u0073k-live-\u00e9",
            r"\x73\x6b-live-\xc3\xa9",
            "&#115;k-live-&#233;",
            "&#x73;k&#45;live&#0045;&#XE9;",
            "%26%23115;k-live-%c3%A9",
        ] {
            let found = secret.find(&format!("<{text}>"));
            assert_eq!(found.first(), Some(&(1..text.len() + 1)), "{text}");
            assert_eq!(found.len(), 1, "{text}");
        }
        for other in [
            r"\u00zz",
            r"\u",
            "&#;",
            "&#x;",
            "&#115",
            "&#99999999999;",
            "%",
            r"\xé1",
        ] {
            assert!(secret.find(other).is_empty(), "{other}");
        }
    }
}
