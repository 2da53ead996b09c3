//! Reads the body of a response, up to a size limit, and decompresses it.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;
use ureq::Body;

use crate::{Cause, Error, Result};

/// Magic number of gzip. JSON never starts like this, so it is more reliable than
/// `Content-Encoding`: servers write that as `GZIP` or `x-gzip`, and proxies drop it, or keep it
/// after they have decompressed the body.
const GZIP: [u8; 2] = [0x1f, 0x8b];

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Reads a body. The limit applies to the compressed and to the decompressed size. `explained` names what
/// is not the body's fault.
pub(super) fn read(
    body: &mut Body,
    limit: u64,
    explained: impl Fn(io::Error) -> Error,
) -> Result<Vec<u8>> {
    let failed = Cell::new(false);
    let mut source = Source {
        reader: body.with_config().limit(limit).reader(),
        failed: &failed,
    };
    let mut start = Vec::new();
    source
        .by_ref()
        .take(2)
        .read_to_end(&mut start)
        .map_err(&explained)?;
    let mut bytes = if start == GZIP {
        unpack(start.chain(source), limit).map_err(|error| {
            let own = matches!(
                error.kind(),
                io::ErrorKind::OutOfMemory | io::ErrorKind::Other
            );
            if failed.get() || own {
                explained(error)
            } else {
                Error::Protocol(Cause::new("its compression is damaged").with_source(error))
            }
        })?
    } else {
        source.read_to_end(&mut start).map_err(explained)?;
        start
    };
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    Ok(bytes)
}

/// Decompresses one or more gzip members, each of which may be padded with zeros, as `gzip` does.
fn unpack(packed: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut packed = BufReader::new(packed);
    let mut bytes = Vec::new();
    loop {
        // One byte more than allowed shows that the limit is exceeded.
        let room = limit
            .saturating_add(1)
            .saturating_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        GzDecoder::new(&mut packed)
            .take(room)
            .read_to_end(&mut bytes)?;
        if u64::try_from(bytes.len()).is_ok_and(|length| length > limit) {
            return Err(ureq::Error::BodyExceedsLimit(limit).into_io());
        }
        if !has_more(&mut packed)? {
            return Ok(bytes);
        }
    }
}

/// Skips zeros. Returns whether anything follows them.
fn has_more(packed: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let bytes = packed.fill_buf()?;
        if bytes.is_empty() {
            return Ok(false);
        }
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        let all = zeros == bytes.len();
        packed.consume(zeros);
        if !all {
            return Ok(true);
        }
    }
}

/// The compressed bytes; records whether reading them failed, rather than decompressing them.
struct Source<'a, R> {
    reader: R,
    failed: &'a Cell<bool>,
}

impl<R: Read> Read for Source<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.reader
            .read(into)
            .inspect_err(|_| self.failed.set(true))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;
    use crate::registry::answer::read_body;
    use crate::registry::credentials::Credentials;

    fn pack(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn body(bytes: Vec<u8>) -> Body {
        Body::builder().data(bytes)
    }

    fn read(bytes: Vec<u8>, limit: u64) -> Result<String> {
        read_body(&Credentials::default(), &mut body(bytes), limit)
            .map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn what_is_packed_is_unpacked() {
        let (one, two) = (pack(b"one"), pack(b" two"));
        for (bytes, expected) in [
            (b"".to_vec(), ""),
            (b"{".to_vec(), "{"),
            (b"plain".to_vec(), "plain"),
            (one.clone(), "one"),
            ([&one[..], &[0; 700]].concat(), "one"),
            ([&one[..], &two[..]].concat(), "one two"),
            ([&one[..], &[0; 9], &two, &[0]].concat(), "one two"),
            ([BYTE_ORDER_MARK, b"{}"].concat(), "{}"),
            (pack(&[BYTE_ORDER_MARK, b"{}"].concat()), "{}"),
        ] {
            assert_eq!(read(bytes, 1_000).unwrap(), expected);
        }
    }

    #[test]
    fn the_bound_counts_on_both_sides() {
        assert_eq!(read(vec![b'x'; 100], 100).unwrap().len(), 100);
        assert_eq!(read(pack(&[b'x'; 100]), 100).unwrap().len(), 100);
        for bytes in [
            vec![b'x'; 101],
            pack(&[b'x'; 101]),
            [pack(&[b'x'; 60]), pack(&[b'x'; 60])].concat(),
            [pack(b"x"), vec![0; 100]].concat(),
        ] {
            assert!(matches!(read(bytes, 100), Err(Error::TooLarge(100))));
        }
    }

    #[test]
    fn damage_is_told_as_such() {
        let whole = pack(b"some text");
        let mut changed = whole.clone();
        changed[14] ^= 0x55;
        for bytes in [
            whole[..whole.len() - 3].to_vec(),
            whole[..5].to_vec(),
            changed,
            [&whole[..], b"rest"].concat(),
        ] {
            assert!(matches!(read(bytes, 1_000), Err(Error::Protocol(_))));
        }
    }
}
