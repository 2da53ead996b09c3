//! Compares ARCHITECTURE.md with the code: its rooms exist, and every import follows its arrows.

mod circles;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use regex::Regex;

/// The folders in which a crate's modules lie, inner ones first.
const CRATES: [&str; 4] = ["src/bin", "src", "bindings/node/src", "bindings/c/src"];

/// The core, and its name in every other crate.
const CORE: (&str, &str) = ("src", "skillsmith_sync");

/// A crate's own root, where an import names all of it.
const EVERYTHING: &str = "*";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A folder, or a Rust file without its extension.
fn exists(place: &str) -> bool {
    root().join(place).exists() || root().join(format!("{place}.rs")).exists()
}

/// The diagram: boxes of rooms, and arrows from a box to those that it may use.
struct Picture {
    boxes: BTreeMap<String, Vec<String>>,
    arrows: BTreeSet<(String, String)>,
}

impl Picture {
    fn read(document: &str) -> Self {
        let source = document
            .split("```mermaid\n")
            .nth(1)
            .and_then(|rest| rest.split("```").next())
            .expect("there is a picture");
        let a_box = Regex::new(r#"^ *(\w+)\["(.+)"\]$"#).unwrap();
        let an_arrow = Regex::new(r"^ *(\w+) --> ([\w &]+)$").unwrap();
        let mut picture = Self {
            boxes: BTreeMap::new(),
            arrows: BTreeSet::new(),
        };
        for line in source.lines().skip(1) {
            if let Some(found) = a_box.captures(line) {
                let rooms = found[2].split("<br>").next().unwrap();
                let rooms = rooms.split(", ").map(str::to_owned).collect();
                picture.boxes.insert(found[1].to_owned(), rooms);
            } else if let Some(found) = an_arrow.captures(line) {
                for to in found[2].split(" & ") {
                    picture.arrows.insert((found[1].to_owned(), to.to_owned()));
                }
            } else {
                panic!("not a box and not an arrow: {line}");
            }
        }
        for name in picture.arrows.iter().flat_map(|(from, to)| [from, to]) {
            assert!(picture.boxes.contains_key(name), "there is no box {name}");
        }
        picture
    }

    fn rooms(&self) -> impl Iterator<Item = &str> {
        self.boxes.values().flatten().map(String::as_str)
    }

    fn box_of(&self, room: &str) -> &str {
        let holds = |rooms: &Vec<String>| rooms.iter().any(|each| each == room);
        let found = self.boxes.iter().find(|(_, rooms)| holds(rooms));
        found.expect("it is a room").0
    }

    /// The room in which a file or module lies.
    fn room_of(&self, path: &str) -> Option<&str> {
        self.rooms().find(|room| {
            path.strip_prefix(room)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '.']))
        })
    }

    /// Every box that can be reached along the arrows.
    fn below(&self, start: &str) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut open = vec![start];
        while let Some(from) = open.pop() {
            for (_, to) in self.arrows.iter().filter(|(each, _)| each == from) {
                if found.insert(to.as_str()) {
                    open.push(to);
                }
            }
        }
        found
    }

    /// Along the arrows, and within a box to the rooms that are named earlier.
    fn allows(&self, from: &str, to: &str) -> bool {
        let (upper, lower) = (self.box_of(from), self.box_of(to));
        if upper != lower {
            return self.below(upper).contains(lower);
        }
        let at = |room| self.boxes[upper].iter().position(|each| each == room);
        at(to) <= at(from)
    }
}

/// A file of a room: its imports from its own crate and from the core, and the first name of every
/// path in it.
struct Source {
    path: String,
    imports: BTreeSet<String>,
    firsts: BTreeSet<String>,
}

/// Every Rust file of the crates except tests.
fn sources() -> Vec<Source> {
    rust_files().iter().map(|path| source(path)).collect()
}

fn rust_files() -> Vec<String> {
    let mut files = Vec::new();
    for place in CRATES {
        if exists(place) {
            collect_files(&root().join(place), &mut files);
        }
    }
    files.sort();
    files.dedup();
    files
}

fn collect_files(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if path.is_dir() {
            collect_files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs")
            && !["tests", "test_hooks", "testing"].contains(&name)
        {
            let path = path.strip_prefix(root()).unwrap().to_str().unwrap();
            found.push(path.replace('\\', "/"));
        }
    }
}

fn crate_of(path: &str) -> &'static str {
    let within = |place: &&str| path.starts_with(&format!("{place}/"));
    CRATES.into_iter().find(within).unwrap()
}

/// The module of a file in its crate.
fn module_of(path: &str) -> Vec<String> {
    path.strip_prefix(crate_of(path))
        .unwrap()
        .trim_end_matches(".rs")
        .split('/')
        .filter(|part| !["", "mod", "lib"].contains(part))
        .map(str::to_owned)
        .collect()
}

fn source(path: &str) -> Source {
    let home = crate_of(path);
    let module = module_of(path);
    let mut names = Names::default();
    names.walk(&tokens(&read(path)), &module);
    let own = names.own.iter().map(|name| format!("{home}/{name}"));
    let core = names.core.iter().map(|name| format!("{}/{name}", CORE.0));
    Source {
        path: path.to_owned(),
        imports: own.chain(core).collect(),
        firsts: names.firsts,
    }
}

fn tokens(text: &str) -> Vec<TokenTree> {
    let stream: TokenStream = text.parse().expect("it is Rust");
    stream.into_iter().collect()
}

/// The top-level names of a crate that a text uses.
#[derive(Default)]
struct Names {
    own: BTreeSet<String>,
    core: BTreeSet<String>,
    firsts: BTreeSet<String>,
}

impl Names {
    /// Visits all tokens, including those in macros. Items that are built only for tests are
    /// skipped.
    fn walk(&mut self, tokens: &[TokenTree], module: &[String]) {
        let mut at = 0;
        while at < tokens.len() {
            let after = at + 1;
            match &tokens[at] {
                TokenTree::Punct(punct) if punct.as_char() == '#' => {
                    at = if tokens.get(after).is_some_and(is_for_tests) {
                        end_of_item(tokens, after + 1)
                    } else {
                        after
                    };
                    continue;
                }
                TokenTree::Group(group) => {
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    let inline = match at.checked_sub(2).map(|start| &tokens[start..at]) {
                        Some([word, TokenTree::Ident(name)]) if is_ident(word, "mod") => {
                            [module, &[name.to_string()]].concat()
                        }
                        _ => module.to_vec(),
                    };
                    self.walk(&inner, &inline);
                }
                TokenTree::Ident(ident) => {
                    let goes_on = separator(tokens, after);
                    let begins = at < 2 || !separator(tokens, at - 2);
                    match ident.to_string().as_str() {
                        "crate" if goes_on => roots(&tokens[after + 2..], &mut self.own),
                        "crate" if tokens.get(after).is_some_and(|next| is_ident(next, "as")) => {
                            self.own.insert(EVERYTHING.into());
                        }
                        "super" if goes_on && begins => {
                            self.super_path(&tokens[after + 2..], module);
                        }
                        name if goes_on && begins => {
                            if name == CORE.1 {
                                roots(&tokens[after + 2..], &mut self.core);
                            }
                            self.firsts.insert(name.to_owned());
                        }
                        _ => {}
                    }
                }
                _ => {}
            }
            at = after;
        }
    }

    /// Resolves the rest of a path that starts with `super::`.
    fn super_path(&mut self, rest: &[TokenTree], module: &[String]) {
        let mut rest = rest;
        let mut up = 1;
        while rest.first().is_some_and(|next| is_ident(next, "super")) && separator(rest, 1) {
            rest = &rest[3..];
            up += 1;
        }
        match module.len().checked_sub(up) {
            Some(0) => roots(rest, &mut self.own),
            Some(_) => {
                self.own.insert(module[0].clone());
            }
            None => panic!("super:: leads out of the crate: {module:?}"),
        }
    }
}

/// The first name of a path, or of each path in a group.
fn roots(rest: &[TokenTree], found: &mut BTreeSet<String>) {
    match rest.first() {
        Some(TokenTree::Ident(name)) if name == "self" => {
            found.insert(EVERYTHING.into());
        }
        Some(TokenTree::Ident(name)) => {
            found.insert(name.to_string());
        }
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
            let inner: Vec<TokenTree> = group.stream().into_iter().collect();
            for path in inner.split(|token| is_punct(token, ',')) {
                if !path.is_empty() {
                    roots(path, found);
                }
            }
        }
        other => {
            // `*`, or something that this test does not know.
            assert!(other.is_some_and(|token| is_punct(token, '*')), "{other:?}");
            found.insert(EVERYTHING.into());
        }
    }
}

fn is_ident(token: &TokenTree, name: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == name)
}

fn is_punct(token: &TokenTree, sign: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == sign)
}

fn separator(tokens: &[TokenTree], at: usize) -> bool {
    matches!(tokens.get(at..at + 2), Some([a, b]) if is_punct(a, ':') && is_punct(b, ':'))
}

/// Whether an attribute is `cfg(test)`, or `cfg` of the feature for tests.
fn is_for_tests(attribute: &TokenTree) -> bool {
    let said = attribute.to_string().replace(' ', "");
    ["[cfg(test)]", "[cfg(feature=\"test-hooks\")]"].contains(&said.as_str())
}

/// The index after the item or statement that follows an attribute.
fn end_of_item(tokens: &[TokenTree], start: usize) -> usize {
    let ends = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        other => is_punct(other, ';') || is_punct(other, ','),
    };
    let length = tokens[start..].iter().position(ends);
    length.map_or(tokens.len(), |length| start + length + 1)
}

/// What `lib.rs` re-exports: name → module.
fn exports() -> BTreeMap<String, String> {
    let a_name = Regex::new(r"\w+").unwrap();
    let mut found = BTreeMap::new();
    let tokens = tokens(&read("src/lib.rs"));
    for statement in tokens.split(|token| is_punct(token, ';')) {
        let Some(at) = statement.iter().position(|token| is_ident(token, "use")) else {
            continue;
        };
        let Some(TokenTree::Ident(module)) = statement.get(at + 1) else {
            panic!("a use of lib.rs begins with a module");
        };
        let names: TokenStream = statement[at + 2..].iter().cloned().collect();
        for name in a_name.find_iter(&names.to_string()) {
            found.insert(name.as_str().to_owned(), module.to_string());
        }
    }
    assert!(found.len() > 20);
    found
}

/// Everything that contradicts the diagram.
fn violations(picture: &Picture, sources: &[Source]) -> (Vec<String>, BTreeSet<(String, String)>) {
    let exports = exports();
    let mut wrong = Vec::new();
    let mut used = BTreeSet::new();
    for Source { path, imports, .. } in sources {
        if path == "src/lib.rs" {
            continue;
        }
        let from = picture.room_of(path);
        if from.is_none() && !path.ends_with("/lib.rs") {
            wrong.push(format!("{path} is in no room"));
        }
        let Some(from) = from else { continue };
        for import in imports {
            let (home, name) = import.rsplit_once('/').unwrap();
            let import = match exports.get(name) {
                Some(module) if home == CORE.0 => format!("{home}/{module}"),
                _ => import.clone(),
            };
            match picture.room_of(&import) {
                Some(to) => {
                    used.insert((from.to_owned(), to.to_owned()));
                    if !picture.allows(from, to) {
                        wrong.push(format!("{path} uses {import}: no arrow leads there"));
                    }
                }
                None => wrong.push(format!("{path} uses {import}: what is it?")),
            }
        }
    }
    (wrong, used)
}

#[test]
fn the_rooms_exist_and_are_all_drawn() {
    let document = read("ARCHITECTURE.md");
    let picture = Picture::read(&document);
    for room in picture.rooms() {
        assert!(exists(room), "there is no {room}");
    }
    // Those named in the text, too.
    let named = Regex::new(r"`((?:src|bindings|npm|tests|include)/[^` ]*)`").unwrap();
    for name in named.captures_iter(&document) {
        let name = name[1].trim_end_matches('/');
        assert!(exists(name), "there is no {name}");
    }
    for name in read("src/lib.rs").lines().filter_map(|line| {
        line.trim_start_matches("pub ")
            .strip_prefix("mod ")?
            .strip_suffix(';')
    }) {
        let is_drawn = picture.room_of(&format!("src/{name}")).is_some();
        assert!(is_drawn || name == "testing", "src/{name} is not drawn");
    }
}

#[test]
fn no_arrow_leads_back_up() {
    let picture = Picture::read(&read("ARCHITECTURE.md"));
    for name in picture.boxes.keys() {
        assert!(
            !picture.below(name).contains(name.as_str()),
            "{name} is below itself"
        );
    }
}

#[test]
fn no_import_crosses_a_wall() {
    let picture = Picture::read(&read("ARCHITECTURE.md"));
    let sources = sources();
    assert!(sources.len() > 100, "only {} files", sources.len());
    let (wrong, used) = violations(&picture, &sources);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    // Every arrow is needed. Boxes in the same folder need none between them.
    for (from, to) in &picture.arrows {
        let (upper, lower) = (&picture.boxes[from], &picture.boxes[to]);
        let is_rust = sources
            .iter()
            .any(|source| picture.room_of(&source.path) == Some(&upper[0]));
        let is_used = upper.iter().any(|from| {
            lower
                .iter()
                .any(|to| used.contains(&(from.clone(), to.clone())))
        });
        assert!(
            is_used || !is_rust || upper[0] == lower[0],
            "{from} does not use {to}"
        );
    }
}

#[test]
fn crates_are_used_where_the_table_says_and_nowhere_else() {
    let document = read("ARCHITECTURE.md");
    let picture = Picture::read(&document);
    let sources = sources();
    let row = Regex::new(r"(?m)^\| `([a-z0-9_]+)` \| (`.+`) \|").unwrap();
    let mut rows = 0;
    for found in row.captures_iter(&document) {
        let said: BTreeSet<&str> = found[2]
            .split(", ")
            .map(|room| room.trim_matches('`'))
            .collect();
        let users: BTreeSet<&str> = sources
            .iter()
            .filter(|source| source.firsts.contains(&found[1]))
            .filter_map(|source| picture.room_of(&source.path))
            .collect();
        assert_eq!(users, said, "{}", &found[1]);
        rows += 1;
    }
    assert!(rows >= 5, "only {rows} rows");
}

/// What a text in `src/engine/listing/fill.rs` imports.
fn imports_of(text: &str) -> Vec<String> {
    let module = ["engine", "listing", "fill"].map(str::to_owned);
    let mut names = Names::default();
    names.walk(&tokens(text), &module);
    let core = names.core.into_iter().map(|name| format!("core {name}"));
    names.own.into_iter().chain(core).collect()
}

#[test]
fn imports_are_seen_in_every_form() {
    for (text, expected) in [
        ("use crate::clock;", &["clock"][..]),
        ("use crate::clock::{Clock, to_iso};", &["clock"]),
        ("use crate::{a::b, c, d::{e, f::g}};", &["a", "c", "d"]),
        ("use {crate::a::b, std::c};", &["a"]),
        ("pub(crate) use crate::r#type as other;", &["r#type"]),
        (
            "fn f() { let x = crate::cli::run(&[crate::capi::Y]); }",
            &["capi", "cli"],
        ),
        (
            "fn f(x: &crate::Z) -> Vec<<crate::T as crate::a::U>::V> {}",
            &["T", "Z", "a"],
        ),
        (
            "macro_rules! m { () => { $crate::memory::ask() } }",
            &["memory"],
        ),
        ("log!(\"{}\", crate::history::X);", &["history"]),
        ("use crate::*;", &["*"]),
        ("use crate::{self as all};", &["*"]),
        ("use crate as all;", &["*"]),
        ("use super::rows; use super::super::cursor;", &["engine"]),
        ("use super::super::super::background::x;", &["background"]),
        ("use super::super::super::{cli, a::b};", &["a", "cli"]),
        (
            "mod inner { use super::super::super::super::cli::x; }",
            &["cli"],
        ),
        (
            "use skillsmith_sync::{Database, engine::X};",
            &["core Database", "core engine"],
        ),
        (
            "pub(crate) fn f() {} pub(super) fn g() {} pub(in crate::a) fn h() {}",
            &["a"],
        ),
        // Not code.
        (
            "// crate::cli\n/* crate::cli */ /// crate::cli\nfn f() {}",
            &[],
        ),
        (
            "const A: &str = \"crate::cli\"; const B: &str = r#\"\" crate::cli\"#; const C: char = '\"';",
            &[],
        ),
        // Built only for tests.
        (
            "#[cfg(test)] mod tests { use crate::cli; } use crate::clock;",
            &["clock"],
        ),
        ("#[cfg(test)]\nmod tests;\nuse crate::clock;", &["clock"]),
        (
            "fn f() { #[cfg(feature = \"test-hooks\")] let x = crate::testing::x(); crate::clock::y() }",
            &["clock"],
        ),
        (
            "#[cfg(not(test))] use crate::cli; #[cfg(unix)] use crate::a;",
            &["a", "cli"],
        ),
    ] {
        assert_eq!(imports_of(text), expected, "{text}");
    }
}

#[test]
fn a_wall_that_is_crossed_is_told() {
    let picture = Picture::read(
        "```mermaid\nflowchart TD\n  top[\"src/engine<br>runs\"]\n  left[\"src/database\"]\n  right[\"src/registry\"]\n  \
         ground[\"src/error, src/cancel\"]\n  top --> left & right\n  left --> ground\n```",
    );
    let told = |path: &str, import: &str| {
        let source = Source {
            path: path.into(),
            imports: BTreeSet::from([import.into()]),
            firsts: BTreeSet::new(),
        };
        violations(&picture, &[source]).0.len()
    };
    for (path, import, expected) in [
        ("src/engine/run.rs", "src/registry", 0),
        ("src/engine/run.rs", "src/error", 0),
        ("src/engine/run.rs", "src/engine", 0),
        ("src/cancel.rs", "src/error", 0),
        ("src/error.rs", "src/cancel", 1),
        ("src/database/mod.rs", "src/engine", 1),
        // By a name that lib.rs re-exports.
        ("src/database/mod.rs", "src/SyncEngine", 1),
        ("src/database/mod.rs", "src/Error", 0),
        ("src/database/mod.rs", "src/registry", 1),
        ("src/registry/client.rs", "src/error", 1),
        ("src/registry/client.rs", "src/*", 1),
        ("src/databases.rs", "src/error", 1),
        ("bindings/c/src/reserve.rs", "src/error", 1),
    ] {
        assert_eq!(told(path, import), expected, "{path} uses {import}");
    }
}
