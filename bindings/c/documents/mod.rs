//! What is made of the header, for other readers than a C compiler: declarations for the FFI of other languages, a
//! reference in HTML, and manual pages. Part of the build script.

mod declarations;
mod html;
mod man;
mod parse;
mod text;

use parse::Header;

/// The files, by their paths.
pub fn of(header: &str, version: &str) -> Vec<(String, String)> {
    let header = Header::parse(header);
    let mut files = vec![
        ("skillsmith_sync.ffi.h".into(), declarations::of(&header)),
        ("reference.html".into(), html::of(&header, version)),
    ];
    files.extend(man::of(&header, version));
    files
}
