//! The table in lines, for programs in C and C++: fields between tabs, `-` for none, texts in hexadecimal digits.

use std::fmt::Write as _;

use crate::searches::{Options, Table, Text};

/// A search: text, limit, offset, category, tier, score, safe, source, status, whether there are more, ids. A list the same with
/// the id behind which it begins for the text, and the next one for whether there are more. Details: id, whether they are
/// there, categories, source.
///
/// Without texts that have a NUL, which C cannot pass. A score of 0 is -1, since 0 is the default there.
pub(crate) fn of(table: &Table) -> String {
    let mut lines = String::new();
    for case in &table.searches {
        if case.text.whole().contains('\0') {
            continue;
        }
        let text = match &case.text {
            Text::Whole(text) => digits(text),
            Text::Repeated { repeat, times } => format!("*{times}:{}", digits(repeat)),
        };
        let end = end(
            case.error.as_deref(),
            &u8::from(case.has_more).to_string(),
            &case.ids,
        );
        _ = writeln!(lines, "search\t{text}\t{}\t{end}", options(&case.options));
    }
    for case in &table.lists {
        let after = optional(case.options.after.as_deref());
        let next = optional(case.next.as_deref());
        let end = end(case.error.as_deref(), &next, &case.ids);
        _ = writeln!(lines, "list\t{after}\t{}\t{end}", options(&case.options));
    }
    for case in &table.details {
        let id = digits(&case.id);
        let categories = case.categories.as_deref().unwrap_or_default().join(",");
        let source = case.source.as_deref().unwrap_or("-");
        let found = u8::from(case.source.is_some());
        _ = writeln!(
            lines,
            "get\t{id}\t{found}\t{}\t{source}",
            or_dash(categories)
        );
    }
    lines
}

fn options(options: &Options) -> String {
    let score = match options.min_score {
        Some(0.0) => "-1".into(),
        Some(score) => score.to_string(),
        None => "0".into(),
    };
    [
        options.limit.unwrap_or(0).to_string(),
        options.offset.unwrap_or(0).to_string(),
        optional(options.category.as_deref()),
        optional(options.trust_tier.as_deref()),
        score,
        u8::from(options.safe_only).to_string(),
        optional(options.source.as_deref()),
    ]
    .join("\t")
}

fn end(error: Option<&str>, more: &str, ids: &[String]) -> String {
    format!(
        "{}\t{more}\t{}",
        error.unwrap_or("OK"),
        or_dash(ids.join(","))
    )
}

fn or_dash(text: String) -> String {
    if text.is_empty() { "-".into() } else { text }
}

fn optional(text: Option<&str>) -> String {
    text.map_or_else(|| "-".into(), digits)
}

fn digits(text: &str) -> String {
    text.bytes().fold(String::new(), |mut digits, byte| {
        _ = write!(digits, "{byte:02x}");
        digits
    })
}
