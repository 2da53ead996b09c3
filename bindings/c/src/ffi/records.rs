//! Strings and records that the caller owns until it frees them.
//!
//! They are real memory, which the caller reads. A list has the live ones, so that freeing
//! one twice, or a foreign pointer, is refused. It has inverted addresses: leak checkers
//! then see that it does not own the memory.

use std::any::TypeId;
use std::ffi::{CString, c_char};

use crate::ffi::process::{Owned, objects};
use skillsmith_sync::{Error, Result};

/// A text inside a record.
///
/// The layout of this structure never changes.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct skillsmith_text {
    /// NUL-terminated UTF-8, or NULL if there is no text. Owned by the record.
    pub data: *const c_char,
    /// Length in bytes, without the terminating NUL. A text in a database may contain
    /// U+0000; `strlen(data)` is shorter then.
    pub length: usize,
}

impl skillsmith_text {
    /// No text.
    const NONE: Self = Self {
        data: std::ptr::null(),
        length: 0,
    };
}

/// A structure that the caller owns.
pub(crate) trait Record: 'static {
    /// The caller's name for it.
    const NAME: &'static str;
}

/// A piece of memory, and its deallocation.
struct Piece {
    address: *mut u8,
    count: usize,
    release: unsafe fn(*mut u8, usize),
}

impl Piece {
    fn new<T>(values: Box<[T]>) -> Self {
        /// # Safety
        /// The two parts are those of a box of this type.
        unsafe fn release<T>(address: *mut u8, count: usize) {
            let values = std::ptr::slice_from_raw_parts_mut(address.cast::<T>(), count);
            // SAFETY: the caller's promise.
            drop(unsafe { Box::from_raw(values) });
        }
        let count = values.len();
        Self {
            address: Box::into_raw(values).cast(),
            count,
            release: release::<T>,
        }
    }
}

/// What the pointers inside a record point to.
#[derive(Default)]
pub(crate) struct Arena(Vec<Piece>);

impl Arena {
    /// Keeps the values, and returns their address.
    pub(crate) fn slice<T: 'static>(&mut self, values: Vec<T>) -> *const T {
        let piece = Piece::new(values.into_boxed_slice());
        let address = piece.address.cast_const().cast();
        self.0.push(piece);
        address
    }

    /// Keeps one value.
    pub(crate) fn one<T: 'static>(&mut self, value: T) -> *const T {
        self.slice(vec![value])
    }

    pub(crate) fn text(&mut self, text: &str) -> skillsmith_text {
        let mut bytes = Vec::with_capacity(text.len() + 1);
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
        skillsmith_text {
            data: self.slice(bytes).cast(),
            length: text.len(),
        }
    }

    pub(crate) fn optional_text(&mut self, text: Option<&str>) -> skillsmith_text {
        text.map_or(skillsmith_text::NONE, |text| self.text(text))
    }

    /// An array of texts; NULL if there are none.
    pub(crate) fn texts(&mut self, texts: &[String]) -> *const skillsmith_text {
        if texts.is_empty() {
            return std::ptr::null();
        }
        let texts = texts.iter().map(|text| self.text(text)).collect();
        self.slice(texts)
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        for piece in self.0.drain(..) {
            // SAFETY: the parts of the box that the piece was made of.
            unsafe { (piece.release)(piece.address, piece.count) };
        }
    }
}

/// A record with all its memory; a pointer to it is also one to the record.
#[repr(C)]
struct Whole<T> {
    record: T,
    arena: Arena,
}

fn hand_over(piece: &Piece, kind: TypeId) {
    let owned = Owned {
        kind,
        count: piece.count,
        release: piece.release,
    };
    objects().owned().insert(!piece.address.addr(), owned);
}

fn take_back(address: *mut u8, kind: TypeId, name: &'static str) -> Result<()> {
    if address.is_null() {
        return Ok(());
    }
    let key = !address.addr();
    let mut owned = objects().owned();
    if owned.get(&key).is_none_or(|owned| owned.kind != kind) {
        return Err(Error::InvalidHandle(name));
    }
    let found = owned.remove(&key);
    drop(owned);
    if let Some(found) = found {
        // SAFETY: handed over with these parts, and taken back only once.
        unsafe { (found.release)(address, found.count) };
    }
    Ok(())
}

/// Gives a record to the caller.
pub(crate) fn give<T: Record>(build: impl FnOnce(&mut Arena) -> T) -> *mut T {
    let mut arena = Arena::default();
    let record = build(&mut arena);
    let piece = Piece::new(Box::new([Whole { record, arena }]) as Box<[_]>);
    hand_over(&piece, TypeId::of::<T>());
    piece.address.cast()
}

/// Shows a record to a callback.
pub(crate) fn lend<T, R>(build: impl FnOnce(&mut Arena) -> T, show: impl FnOnce(&T) -> R) -> R {
    let mut arena = Arena::default();
    let record = build(&mut arena);
    show(&record)
}

/// Frees a record of the caller's.
pub(crate) fn free<T: Record>(record: *mut T) -> Result<()> {
    take_back(record.cast(), TypeId::of::<T>(), T::NAME)
}

/// Frees a string of the caller's.
pub(crate) fn free_string(string: *mut c_char) -> Result<()> {
    take_back(string.cast(), TypeId::of::<c_char>(), "string")
}

/// Gives a string to the caller.
pub(crate) fn give_string(text: &str) -> Result<*mut c_char> {
    let text = CString::new(text)
        .map_err(|_| Error::InvalidArgument("The text contains U+0000.".into()))?;
    let piece = Piece::new(text.into_bytes_with_nul().into_boxed_slice());
    hand_over(&piece, TypeId::of::<c_char>());
    Ok(piece.address.cast())
}
