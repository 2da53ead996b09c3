//! How a secret may look in a text that comes back from outside.
//!
//! A registry that repeats what it was sent may have made a host name of it, which is lower
//! case, or a URL, or a header in Base64. All of these give the secret to whoever reads them.

use std::fmt;
use std::ops::Range;

/// In other case, and in Base64, a word shorter than this stands in texts by chance.
const SHORTEST: usize = 8;

/// How often a text is percent-decoded: proxies encode again what was encoded.
const LAYERS: usize = 3;

/// The secrets and their disguises.
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
        for secret in secrets.filter(|secret| !secret.is_empty()) {
            needles.push(Needle {
                bytes: secret.as_bytes().to_vec(),
                any_case: secret.len() >= SHORTEST,
            });
            // Base64 looks different with every place that a text can have in a group of three.
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
        // What begins at the same place is taken out as a whole.
        needles.sort_unstable_by_key(|needle| std::cmp::Reverse(needle.bytes.len()));
        Self { needles }
    }

    /// Where they stand, in order; what overlaps or touches is one piece.
    pub(super) fn find(&self, text: &str) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        self.search(text.as_bytes(), |range| range, &mut found);
        let mut layer = text.contains('%').then(|| Layer::of(text));
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

/// A text, decoded some times, and where each of its bytes comes from.
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

    /// The same with one layer of percent-encoding less; `None` where there is none.
    fn decoded(&self) -> Option<Self> {
        if !self.bytes.contains(&b'%') {
            return None;
        }
        let mut next = Self {
            bytes: Vec::with_capacity(self.bytes.len()),
            origins: Vec::with_capacity(self.bytes.len()),
        };
        let mut at = 0;
        while let Some(byte) = self.bytes.get(at) {
            let (byte, length) = match percent_byte(&self.bytes[at..]) {
                Some(byte) => (byte, 3),
                None => (*byte, 1),
            };
            next.bytes.push(byte);
            next.origins.push(self.origin(&(at..at + length)));
            at += length;
        }
        (next.bytes.len() < self.bytes.len()).then_some(next)
    }

    fn origin(&self, range: &Range<usize>) -> Range<usize> {
        self.origins[range.start].start..self.origins[range.end - 1].end
    }
}

/// The byte that `%41` at the start stands for.
fn percent_byte(bytes: &[u8]) -> Option<u8> {
    let digits = bytes.strip_prefix(b"%")?.get(..2)?;
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(digits[0])? * 16 + digit(digits[1])?).ok()
}

/// The characters of a Base64 text that this secret alone decides, at that place in a group.
fn within_base64(secret: &[u8], place: usize) -> String {
    let mut padded = vec![0; place];
    padded.extend_from_slice(secret);
    let whole = base64(&padded);
    // Six bits a character: those that begin before the secret, or end behind it, are shared.
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
}
