//! The declarations for the FFI of LuaJIT, Python (cffi), PHP and others that have no preprocessor.

use std::fmt::Write as _;

use super::parse::Header;

const HEAD: &str = "\
/* The declarations of skillsmith_sync.h without a preprocessor, for the FFI of other languages. They need the types of
   stdbool.h, stddef.h and stdint.h; that header has the documentation. Generated; do not edit. */

";

pub fn of(header: &Header) -> String {
    let mut text = String::from(HEAD);
    text.push_str("enum {\n");
    for (name, value) in &header.numbers {
        _ = writeln!(text, "  {name} = {value},");
    }
    text.push_str("};\n");
    for item in &header.items {
        _ = write!(text, "\n{}\n", without_comments(&item.code));
    }
    text
}

fn without_comments(code: &str) -> String {
    let mut kept = String::new();
    let mut rest = code;
    while let Some((before, after)) = rest.split_once("/*") {
        kept.push_str(before);
        rest = after.split_once("*/").expect("a comment has an end").1;
    }
    kept.push_str(rest);
    let lines: Vec<&str> = kept
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .collect();
    lines.join("\n")
}
