//! What is made of the header, for other readers than a C compiler: declarations for the FFI of other languages, a
//! reference in HTML, and manual pages. Part of the build script.

mod declarations;
mod html;
mod man;
mod parse;
mod released;
mod text;

use parse::Header;

/// The files, by their paths; `changes` is the CHANGELOG.
pub fn of(header: &str, version: &str, changes: &str) -> Vec<(String, String)> {
    let header = Header::parse(header);
    let mut files = vec![
        ("skillsmith_sync.ffi.h".into(), declarations::of(&header)),
        ("reference.html".into(), html::of(&header, version)),
    ];
    let release = man::Release {
        version,
        day: released::day(changes, version).unwrap_or_default(),
    };
    files.extend(man::of(&header, release));
    files
}
