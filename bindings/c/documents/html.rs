//! The reference: one page, without scripts, that needs nothing else.

use std::fmt::Write as _;

use super::parse::{Header, Item, Kind};
use super::text::{Block, blocks, summary, turns};

const STYLE: &str = "\
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; }
pre { overflow-x: auto; padding: 0.6em; border: 1px solid #8888; border-radius: 4px; font-size: 14px; }
h3 { margin-top: 2.5em; font-family: ui-monospace, monospace; font-size: 1em; }
td { vertical-align: top; padding-right: 1em; }
a { text-decoration: none; } a:hover { text-decoration: underline; }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818; } a { color: #8ab4f8; } }";

const GROUPS: [(Kind, &str, &str); 5] = [
    (Kind::Function, "functions", "Functions"),
    (Kind::Handle, "handles", "Handles"),
    (Kind::Structure, "structures", "Structures"),
    (Kind::Callback, "callbacks", "Callbacks"),
    (Kind::Enumeration, "enumerations", "Enumerations"),
];

pub fn of(header: &Header, version: &str) -> String {
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>skillsmith_sync.h {version}</title>\n<style>\n{STYLE}\n</style>\n<h1>skillsmith_sync.h {version}</h1>\n<p>"
    );
    for (_, id, title) in GROUPS {
        _ = write!(page, "<a href=\"#{id}\">{title}</a> ");
    }
    page.push_str("</p>\n");
    body(&mut page, header, &header.preamble);
    for (kind, id, title) in GROUPS {
        let of_kind = || header.items.iter().filter(move |item| item.kind == kind);
        _ = writeln!(page, "<h2 id=\"{id}\">{title}</h2>\n<table>");
        for item in of_kind() {
            let what = escaped(&summary(&item.comment));
            _ = writeln!(
                page,
                "<tr><td><a href=\"#{0}\">{0}</a><td>{what}",
                item.name
            );
        }
        page.push_str("</table>\n");
        for item in of_kind() {
            section(&mut page, header, item);
        }
    }
    page.push_str("</html>\n");
    page
}

fn section(page: &mut String, header: &Header, item: &Item) {
    let code = linked(header, &item.code, &item.name);
    _ = writeln!(
        page,
        "<h3 id=\"{0}\">{0}</h3>\n<pre>{code}</pre>",
        item.name
    );
    body(page, header, &item.comment);
}

fn body(page: &mut String, header: &Header, comment: &str) {
    let mut in_list = false;
    for block in blocks(comment) {
        let is_point = matches!(block, Block::Point(_));
        if is_point != in_list {
            page.push_str(if is_point { "<ul>\n" } else { "</ul>\n" });
            in_list = is_point;
        }
        _ = match block {
            Block::Heading(words) => writeln!(page, "<h2>{}</h2>", escaped(&words)),
            Block::Paragraph(words) => writeln!(page, "<p>{}</p>", inline(header, &words)),
            Block::Point(words) => writeln!(page, "<li>{}</li>", inline(header, &words)),
            Block::Code(code) => writeln!(page, "<pre>{}</pre>", escaped(&code)),
        };
    }
    if in_list {
        page.push_str("</ul>\n");
    }
}

fn inline(header: &Header, words: &str) -> String {
    let mut all = String::new();
    for (is_code, part) in turns(words) {
        if is_code {
            _ = write!(all, "<code>{}</code>", linked(header, part, ""));
        } else {
            all.push_str(&escaped(part));
        }
    }
    all
}

/// Code in which each name leads to its section, except in that section.
fn linked(header: &Header, code: &str, own: &str) -> String {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut all = String::new();
    let mut rest = code;
    while !rest.is_empty() {
        let length = rest.find(|c| !is_of_name(c)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(length);
        if name != own && header.has(name) {
            _ = write!(all, "<a href=\"#{name}\">{name}</a>");
        } else {
            all.push_str(name);
        }
        let length = after.find(is_of_name).unwrap_or(after.len());
        let (between, next) = after.split_at(length);
        all.push_str(&escaped(between));
        rest = next;
    }
    all
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
