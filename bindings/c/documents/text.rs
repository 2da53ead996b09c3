//! The text of comments in blocks.

pub enum Block {
    Heading(String),
    Paragraph(String),
    /// Lines that stay as they are.
    Code(String),
    /// One point of a list.
    Point(String),
}

/// Headings are lines of capitals; what is indented by four is code; a point begins with `- `, or has two spaces and a
/// second column.
pub fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut begins_anew = true;
    for line in text.lines() {
        if line.is_empty() {
            // Within code an empty line stays.
            if let Some(Block::Code(code)) = blocks.last_mut() {
                code.push('\n');
            }
            begins_anew = true;
            continue;
        }
        let is_continued = !begins_anew;
        match blocks.last_mut() {
            Some(Block::Code(code)) if line.starts_with("   ") => {
                code.push_str(line);
                code.push('\n');
            }
            _ if line.starts_with("   ") && !is_continued => {
                blocks.push(Block::Code(format!("{line}\n")));
            }
            _ if is_heading(line) => blocks.push(Block::Heading(line.to_owned())),
            _ if line.starts_with("- ") => blocks.push(Block::Point(line[2..].to_owned())),
            _ if line.starts_with("  ") && line.trim().contains("  ") => {
                let (what, how) = line.trim().split_once("  ").unwrap_or((line, ""));
                blocks.push(Block::Point(format!("{what}: {}", how.trim())));
            }
            Some(Block::Paragraph(text) | Block::Point(text)) if is_continued => {
                text.push(' ');
                text.push_str(line.trim());
            }
            _ => blocks.push(Block::Paragraph(line.trim().to_owned())),
        }
        begins_anew = false;
    }
    for block in &mut blocks {
        if let Block::Code(code) = block {
            code.truncate(code.trim_end().len());
        }
    }
    blocks
}

fn is_heading(line: &str) -> bool {
    let is_capital = |c: char| c.is_ascii_uppercase() || matches!(c, ' ' | ',');
    line.len() > 2 && line.chars().all(is_capital)
}

/// The first sentence of a comment, without its full stop.
pub fn summary(text: &str) -> String {
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    let line = paragraph.replace('\n', " ");
    let end = line.find(". ").unwrap_or(line.len());
    line[..end].trim_end_matches('.').replace('`', "")
}

/// A text in turns of what stands outside and inside of backquotes.
pub fn turns(text: &str) -> impl Iterator<Item = (bool, &str)> {
    text.split('`')
        .enumerate()
        .map(|(at, part)| (at % 2 == 1, part))
}
