//! Tables at a terminal, and what takes their place where they do not fit.

use comfy_table::presets::NOTHING;
use comfy_table::{Cell, ContentArrangement, Table};

use super::console::Console;

/// Fewer columns than the table needs for whole words.
pub(super) const NARROW: u16 = 76;
/// Before what is said of a run.
pub(super) const INDENT: u16 = 2;
/// In less, each line would be a few letters.
pub(super) const NARROWEST: u16 = 12;

/// A text in lines of the width.
pub(super) fn wrapped(text: Cell, indent: u16, width: u16, console: &Console<'_>) -> String {
    let mut table = bare(console);
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width)
        .add_row([text]);
    for column in table.column_iter_mut() {
        column.set_padding((indent, 0));
    }
    table.trim_fmt()
}

/// A table without anything in it, for the terminal of the console.
pub(super) fn bare(console: &Console<'_>) -> Table {
    let mut table = Table::new();
    // comfy-table would check the process's own terminal instead of ours.
    table.force_no_tty();
    if console.colours_stdout() {
        table.enforce_styling();
    }
    table
}
