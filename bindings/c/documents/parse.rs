//! The header in its parts, as a C99 compiler sees it.

/// What the generated header has.
pub struct Header {
    /// The comment before everything.
    pub preamble: String,
    /// `#define NAME 1`.
    pub numbers: Vec<(String, String)>,
    pub items: Vec<Item>,
}

/// One declaration and the comment before it.
pub struct Item {
    pub kind: Kind,
    pub name: String,
    pub comment: String,
    pub code: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Enumeration,
    Handle,
    Structure,
    Callback,
    Function,
}

impl Header {
    pub fn parse(header: &str) -> Self {
        let (comment, rest) = header
            .strip_prefix("/*")
            .and_then(|rest| rest.split_once("*/"))
            .expect("the header begins with its preamble");
        let (numbers, plain) = without_preprocessor(rest);
        Self {
            preamble: without_indent(comment),
            numbers,
            items: items(&plain),
        }
    }

    pub fn has(&self, name: &str) -> bool {
        self.items.iter().any(|item| item.name == name)
    }
}

/// Decides every condition as for C99, and takes the numbers out of the macros.
fn without_preprocessor(text: &str) -> (Vec<(String, String)>, String) {
    let (mut numbers, mut plain) = (Vec::new(), String::new());
    let mut conditions: Vec<bool> = Vec::new();
    for line in text.lines() {
        let Some(directive) = line.strip_prefix('#') else {
            if conditions.iter().all(|holds| *holds) {
                plain.push_str(line);
                plain.push('\n');
            }
            continue;
        };
        let words: Vec<&str> = directive.split_whitespace().collect();
        match words.as_slice() {
            ["ifdef", "__cplusplus", ..] | ["if", ..] => conditions.push(false),
            ["ifndef", ..] => conditions.push(true),
            ["else", ..] => {
                let last = conditions.last_mut().expect("a condition is open");
                *last = !*last;
            }
            ["endif", ..] => _ = conditions.pop(),
            ["define", name, value] if value.parse::<u32>().is_ok() => {
                numbers.push(((*name).to_owned(), (*value).to_owned()));
            }
            ["define" | "include", ..] => {}
            _ => panic!("the header has a directive that is not known here: {line}"),
        }
    }
    // Between the two stood the type of an enumeration.
    (numbers, plain.replace("\n {\n", " {\n"))
}

fn items(plain: &str) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    let mut comment = String::new();
    let mut lines = plain.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("/*") {
            let mut whole = line.to_owned();
            while !whole.ends_with("*/") {
                whole.push('\n');
                whole.push_str(lines.next().expect("a comment has an end"));
            }
            let inner = whole.trim_start_matches("/*").trim_end_matches("*/");
            comment = without_indent(inner);
            continue;
        }
        if line.is_empty() {
            continue;
        }
        let mut code = line.to_owned();
        while code.matches('{').count() > code.matches('}').count() || !code.ends_with(';') {
            code.push('\n');
            code.push_str(lines.next().expect("a declaration has an end"));
        }
        // The second name of an enumeration.
        if let Some(name) = code
            .strip_prefix("typedef int32_t ")
            .and_then(|rest| rest.strip_suffix(';'))
        {
            let before = items.last_mut().expect("an enumeration stands before");
            assert!(before.name == name, "{name} is of no enumeration");
            before.code.push('\n');
            before.code.push_str(&code);
            continue;
        }
        let (kind, name) = kind_and_name(&code);
        items.push(Item {
            kind,
            name: name.to_owned(),
            comment: std::mem::take(&mut comment),
            code,
        });
    }
    items
}

fn kind_and_name(code: &str) -> (Kind, &str) {
    let word = |rest: &'static str| {
        let after = code.strip_prefix(rest)?;
        after.split([' ', ';']).next()
    };
    if let Some(name) = word("enum ") {
        (Kind::Enumeration, name)
    } else if let Some(name) = word("typedef struct ") {
        let kind = if code.contains('{') {
            Kind::Structure
        } else {
            Kind::Handle
        };
        (kind, name)
    } else if let Some((_, rest)) = code.split_once("(*") {
        let name = rest.split_once(')').expect("a callback has a name").0;
        (Kind::Callback, name)
    } else {
        let before = code.split_once('(').expect("a function has parameters").0;
        let name = before
            .rsplit([' ', '*'])
            .next()
            .expect("there is a last part");
        (Kind::Function, name)
    }
}

/// The text of a comment, whose lines begin with one space.
fn without_indent(comment: &str) -> String {
    let lines: Vec<&str> = comment
        .lines()
        .map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end())
        .collect();
    lines.join("\n").trim().to_owned()
}
