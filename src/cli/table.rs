//! Tables at a terminal, and what takes their place where they do not fit.

use comfy_table::presets::{NOTHING, UTF8_FULL_CONDENSED};
use comfy_table::{Attribute, Cell, CellAlignment, ContentArrangement, Table};

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

/// A table of rows under bold headings: in a frame of the terminal's width, elsewhere in columns. `numbers` are the places of
/// the columns that are aligned on the right.
pub(super) fn framed<'h, Row: Into<comfy_table::Row>>(
    headings: impl IntoIterator<Item = &'h str>,
    rows: impl IntoIterator<Item = Row>,
    numbers: impl IntoIterator<Item = usize>,
    console: &Console<'_>,
) -> Table {
    let mut table = bare(console);
    match console.terminal.stdout.width() {
        Some(width) => table
            .load_style(UTF8_FULL_CONDENSED)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(width),
        None => table.load_style(NOTHING),
    };
    let bold = |name| Cell::new(name).add_attribute(Attribute::Bold);
    table.set_header(headings.into_iter().map(bold));
    table.add_rows(rows);
    for number in numbers {
        if let Some(column) = table.column_mut(number) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    if !console.terminal.stdout.is_terminal() {
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
    }
    table
}
