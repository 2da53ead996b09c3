//! Manual pages of section 3: one for each item, and `skillsmith_sync` for what holds for all.

use std::fmt::Write as _;

use super::parse::{Header, Item, Kind};
use super::text::{Block, blocks, summary, turns};

/// What the foot of a page says.
#[derive(Clone, Copy)]
pub struct Release<'r> {
    pub version: &'r str,
    /// Empty before the release.
    pub day: &'r str,
}

pub fn of(header: &Header, release: Release<'_>) -> impl Iterator<Item = (String, String)> {
    let overview = (
        "man/skillsmith_sync.3".to_owned(),
        overview(header, release),
    );
    let pages = header
        .items
        .iter()
        .map(move |item| (format!("man/{}.3", item.name), page(header, item, release)));
    std::iter::once(overview).chain(pages)
}

/// Nothing is hyphenated: a reader searches for names, and copies them.
fn head(name: &str, what: &str, release: Release<'_>) -> String {
    let Release { version, day } = release;
    format!(
        ".TH {} 3 \"{day}\" \"skillsmith-sync {version}\" \"skillsmith-sync\"\n.nh\n.SH NAME\n{name} \\- {}\n",
        name.to_uppercase(),
        line(what)
    )
}

fn synopsis(code: &str) -> String {
    format!(
        ".SH SYNOPSIS\n.nf\n.B #include <skillsmith_sync.h>\n.PP\n{}.fi\n",
        // Comments in it quote code, which is bold in running text only.
        verbatim(&code.replace('`', ""))
    )
}

fn page(header: &Header, item: &Item, release: Release<'_>) -> String {
    let mut page = head(&item.name, &summary(&item.comment), release);
    page.push_str(&synopsis(&item.code));
    page.push_str(".SH DESCRIPTION\n");
    body(&mut page, &item.comment);
    page.push_str(".SH SEE ALSO\n");
    for name in frees(header, item) {
        _ = writeln!(page, ".BR {name} (3),");
    }
    page.push_str(".BR skillsmith_sync (3)\n");
    page
}

/// The functions that free what an item is or gives.
fn frees(header: &Header, item: &Item) -> Vec<String> {
    let given = item.code.match_indices("**out_").filter_map(|(at, _)| {
        let before = item.code[..at].trim_end();
        before
            .rsplit(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .next()
    });
    let mut names: Vec<String> = std::iter::once(item.name.as_str())
        .chain(given)
        // A text is freed as a string.
        .map(|name| {
            if name == "char" {
                "skillsmith_string"
            } else {
                name
            }
        })
        .map(|name| format!("{name}_free"))
        .filter(|name| header.has(name) && *name != item.name)
        .collect();
    names.sort();
    names.dedup();
    names
}

fn overview(header: &Header, release: Release<'_>) -> String {
    // The second paragraph is for who edits the header.
    let mut paragraphs = header.preamble.splitn(3, "\n\n");
    let (first, rest) = (paragraphs.next(), paragraphs.nth(1));
    let (first, rest) = first.zip(rest).expect("it has paragraphs");
    let what = "keeps a local Skillsmith skill database up to date with the live registry";
    let mut page = head("skillsmith_sync", what, release);
    page.push_str(".SH SYNOPSIS\n.nf\n.B #include <skillsmith_sync.h>\n.PP\n");
    page.push_str("cc program.c $(pkg\\-config \\-\\-cflags \\-\\-libs skillsmith_sync)\n.fi\n.SH DESCRIPTION\n");
    body(&mut page, &format!("{first}\n\n{rest}"));
    for (kind, heading) in [
        (Kind::Function, "FUNCTIONS"),
        (Kind::Handle, "HANDLES"),
        (Kind::Structure, "STRUCTURES"),
        (Kind::Callback, "CALLBACKS"),
        (Kind::Enumeration, "ENUMERATIONS"),
    ] {
        _ = writeln!(page, ".SH {heading}");
        for item in header.items.iter().filter(|item| item.kind == kind) {
            _ = writeln!(
                page,
                ".TP\n.BR {} (3)\n{}",
                item.name,
                line(&summary(&item.comment))
            );
        }
    }
    page
}

fn body(page: &mut String, comment: &str) {
    // A heading begins a paragraph.
    let mut begins = true;
    for block in blocks(comment) {
        let paragraph = if begins { "" } else { ".PP\n" };
        begins = matches!(block, Block::Heading(_));
        _ = match block {
            Block::Heading(words) => writeln!(page, ".SH {words}"),
            Block::Paragraph(words) => writeln!(page, "{paragraph}{}", line(&words)),
            Block::Point(words) => writeln!(page, ".IP \\(bu 2\n{}", line(&words)),
            Block::Code(code) => write!(page, "{paragraph}.nf\n{}.fi\n", verbatim(&code)),
        };
    }
}

/// One line of running text.
fn line(words: &str) -> String {
    let mut all = String::new();
    for (is_code, part) in turns(words) {
        if is_code {
            _ = write!(all, "\\fB{}\\fR", escaped(part));
        } else {
            all.push_str(&escaped(part));
        }
    }
    guarded(&all)
}

fn verbatim(code: &str) -> String {
    code.lines()
        .map(|line| guarded(&escaped(line)) + "\n")
        .collect()
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-")
}

/// A line that begins with a dot or a quote would be a command.
fn guarded(line: &str) -> String {
    if line.starts_with(['.', '\'']) {
        format!("\\&{line}")
    } else {
        line.to_owned()
    }
}
