//! No files import each other in a circle. Modules that lie in each other are one thing: a file may use the
//! file of its folder, which may use it.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, TokenTree};

use super::{
    CORE, crate_of, end_of_item, is_for_tests, is_ident, is_punct, module_of, read, rust_files,
    separator, tokens,
};

/// Names along a path, such as `crate`, `clock`, `Clock`.
type Path = Vec<String>;

/// A crate, and the path of a module or an item in it.
type Place = (&'static str, Path);

/// Re-exports that are followed, one after another.
const MOST_STEPS: usize = 20;

/// What a file says of others.
#[derive(Default)]
struct Paths {
    /// Name → what it is imported as; the name of a glob is its path.
    imports: BTreeMap<String, Path>,
    /// The modules that it declares in files of their own.
    children: BTreeSet<String>,
    /// Every import and inline path, with the module in which it stands.
    all: Vec<(Path, Path)>,
}

impl Paths {
    fn of(text: &str, module: &[String]) -> Self {
        let mut paths = Self::default();
        paths.walk(&tokens(text), module);
        paths
    }

    fn walk(&mut self, tokens: &[TokenTree], module: &[String]) {
        let mut at = 0;
        while at < tokens.len() {
            let after = at + 1;
            at = match &tokens[at] {
                TokenTree::Punct(punct) if punct.as_char() == '#' => match tokens.get(after) {
                    Some(attribute) if is_for_tests(attribute) => end_of_item(tokens, after + 1),
                    _ => after,
                },
                // `pub(in crate::a)` uses nothing.
                TokenTree::Group(group)
                    if group.delimiter() == Delimiter::Parenthesis
                        && at > 0
                        && is_ident(&tokens[at - 1], "pub") =>
                {
                    after
                }
                TokenTree::Group(group) => {
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    let module = match at.checked_sub(2).map(|start| &tokens[start..at]) {
                        Some([word, TokenTree::Ident(name)]) if is_ident(word, "mod") => {
                            [module, &[name.to_string()]].concat()
                        }
                        _ => module.to_vec(),
                    };
                    self.walk(&inner, &module);
                    after
                }
                // Not that of `impl Trait + use<'a>`.
                TokenTree::Ident(word)
                    if word == "use"
                        && !tokens.get(after).is_some_and(|next| is_punct(next, '<')) =>
                {
                    let is_end = |token: &TokenTree| is_punct(token, ';');
                    let length = tokens[after..].iter().position(is_end);
                    let end = length.map_or(tokens.len(), |length| after + length);
                    self.import(&tokens[after..end], &[], module);
                    end
                }
                TokenTree::Ident(word) if word == "mod" => {
                    if let Some([TokenTree::Ident(name), end]) = tokens.get(after..after + 2)
                        && is_punct(end, ';')
                    {
                        self.children.insert(name.to_string());
                    }
                    after
                }
                TokenTree::Ident(_) if separator(tokens, after) => {
                    let (path, length) = path(&tokens[at..]);
                    self.all.push((module.to_vec(), path));
                    at + length
                }
                _ => after,
            };
        }
    }

    /// The tree of a `use`.
    fn import(&mut self, tree: &[TokenTree], before: &[String], module: &[String]) {
        let (names, length) = path(tree);
        let mut whole = [before, &names].concat();
        let mut name = whole.last().cloned().unwrap_or_default();
        match &tree[length..] {
            [TokenTree::Group(group)] => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                for each in inner.split(|token| is_punct(token, ',')) {
                    if !each.is_empty() {
                        self.import(each, &whole, module);
                    }
                }
                return;
            }
            [star] if is_punct(star, '*') => name = whole.join("::"),
            [word, TokenTree::Ident(alias)] if is_ident(word, "as") => name = alias.to_string(),
            rest => assert!(rest.is_empty(), "an import of a new kind: {rest:?}"),
        }
        if whole.len() > 1 && whole.last().is_some_and(|last| last == "self") {
            whole.pop();
            if name == "self" {
                name = whole.last().cloned().unwrap_or_default();
            }
        }
        self.imports.insert(name, whole.clone());
        self.all.push((module.to_vec(), whole));
    }
}

/// The names at the start, and the number of their tokens with the separators.
fn path(tokens: &[TokenTree]) -> (Path, usize) {
    let mut names = Vec::new();
    let mut at = 0;
    while let Some(TokenTree::Ident(name)) = tokens.get(at)
        && (at == 0 || separator(tokens, at - 2))
    {
        names.push(name.to_string());
        at += 1;
        if !separator(tokens, at) {
            break;
        }
        at += 2;
    }
    (names, at)
}

/// Files by their places.
struct Files(BTreeMap<Place, (String, Paths)>);

impl Files {
    fn of<'t>(texts: impl IntoIterator<Item = (&'t str, String)>) -> Self {
        let file = |(path, text): (&str, String)| {
            let module = module_of(path);
            let paths = Paths::of(&text, &module);
            ((crate_of(path), module), (path.to_owned(), paths))
        };
        Self(texts.into_iter().map(file).collect())
    }

    /// From the root of a crate; `None` if it leads out of our crates.
    fn absolute(
        &self,
        file: &Place,
        module: &[String],
        path: &[String],
        steps: usize,
    ) -> Option<Place> {
        let (first, rest) = path.split_first()?;
        let (home, own) = file;
        let within = |module: &[String]| Some((*home, [module, rest].concat()));
        match first.as_str() {
            "crate" => within(&[]),
            "self" => within(module),
            "super" => {
                let above = &module[..module.len().checked_sub(1)?];
                match rest.first() {
                    Some(next) if next == "super" => self.absolute(file, above, rest, steps),
                    _ => within(above),
                }
            }
            name if name == CORE.1 => Some((CORE.0, rest.to_vec())),
            name => {
                let paths = &self.0.get(file)?.1;
                match paths.imports.get(name) {
                    Some(import) if import != path && steps < MOST_STEPS => {
                        let path = [import, rest].concat();
                        self.absolute(file, own, &path, steps + 1)
                    }
                    _ if paths.children.contains(name) => Some((*home, [own, path].concat())),
                    _ => None,
                }
            }
        }
    }

    /// The file in which a thing is defined, past those that only re-export it.
    fn home_of(&self, (home, path): &Place, steps: usize) -> Option<Place> {
        let lengths = (0..=path.len()).rev();
        let mut places = lengths.map(|length| ((*home, path[..length].to_vec()), &path[length..]));
        let (file, rest) = places.find(|(place, _)| self.0.contains_key(place))?;
        let paths = &self.0[&file].1;
        let Some(import) = rest.first().and_then(|name| paths.imports.get(name)) else {
            return Some(file);
        };
        let path = [import, &rest[1..]].concat();
        match self.absolute(&file, &file.1, &path, 0) {
            Some(next) if steps < MOST_STEPS => self.home_of(&next, steps + 1),
            _ => Some(file),
        }
    }

    /// Who uses whom, without those that lie in each other.
    fn uses(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut uses = BTreeMap::new();
        for (place, (path, paths)) in &self.0 {
            let mut found = BTreeSet::new();
            for (module, path) in &paths.all {
                let at = self.absolute(place, module, path, 0);
                match at.and_then(|at| self.home_of(&at, 0)) {
                    Some(file) if file != *place && !lie_in_each_other(&file, place) => {
                        found.insert(self.0[&file].0.as_str());
                    }
                    _ => {}
                }
            }
            uses.insert(path.as_str(), found);
        }
        uses
    }
}

fn lie_in_each_other(one: &Place, other: &Place) -> bool {
    let is_in = |inner: &Place, outer: &Place| {
        let above = inner.1.split_last().map(|(_, above)| above);
        inner.0 == outer.0 && above == Some(&outer.1[..])
    };
    is_in(one, other) || is_in(other, one)
}

/// All that can be reached.
fn reached<'f>(uses: &BTreeMap<&'f str, BTreeSet<&'f str>>, from: &str) -> BTreeSet<&'f str> {
    let mut found = BTreeSet::new();
    let mut open = vec![from];
    while let Some(next) = open.pop() {
        for to in &uses[next] {
            if found.insert(*to) {
                open.push(to);
            }
        }
    }
    found
}

/// The uses that lead back to where they begin.
fn circles(files: &Files) -> Vec<String> {
    let uses = files.uses();
    let all: BTreeMap<&str, BTreeSet<&str>> = uses
        .keys()
        .map(|from| (*from, reached(&uses, from)))
        .collect();
    let uses = uses
        .iter()
        .flat_map(|(from, to)| to.iter().map(move |to| (*from, *to)));
    let leads_back = |(from, to): &(&str, &str)| all[to].contains(from);
    uses.filter(leads_back)
        .map(|(from, to)| format!("{from} uses {to}"))
        .collect()
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let paths = rust_files();
    let files = Files::of(paths.iter().map(|path| (path.as_str(), read(path))));
    let uses: usize = files.uses().values().map(BTreeSet::len).sum();
    assert!(uses > 500, "only {uses} uses were found");
    let found = circles(&files);
    assert!(found.is_empty(), "in a circle:\n{}", found.join("\n"));
}

#[test]
fn a_circle_is_seen_in_every_form() {
    for (one, other, expected) in [
        ("use crate::b::B;", "", 0),
        ("use crate::b::B;", "use crate::a::A;", 2),
        ("use super::b::{self, B};", "use super::{a, c};", 2),
        ("use crate::b as other;", "fn f() { crate::a::f() }", 2),
        ("use super::b::*;", "fn f(x: &super::a::A) {}", 2),
        ("use super::b;", "use crate::A;", 2),
        ("use super::b;", "use super::c::again::A;", 2),
        ("use super::b;", "use super::c; fn f() { c::again::A() }", 2),
        ("use super::b;", "mod inner { use super::super::a::A; }", 2),
        ("use super::b;", "use skillsmith_sync::a::A;", 2),
        (
            "macro_rules! m { () => { $crate::b::f() } }",
            "use super::a;",
            2,
        ),
        ("use super::b;", "use super::c;", 0),
        (
            "use super::b;",
            "pub(in crate::a) fn f() {} use std::a::A;",
            0,
        ),
        (
            "use super::b;",
            "#[cfg(test)] mod tests { use crate::a::A; }",
            0,
        ),
        (
            "use super::b;",
            "// crate::a::A\nconst A: &str = \"crate::a::A\";",
            0,
        ),
    ] {
        let texts = [
            ("src/lib.rs", "mod a; mod b; mod c; pub use a::A;"),
            ("src/a.rs", one),
            ("src/b/mod.rs", other),
            ("src/c.rs", "pub use self::d as again; mod d;"),
            ("src/c/d.rs", "pub use crate::a::A;"),
        ];
        let files = Files::of(texts.map(|(path, text)| (path, text.to_owned())));
        let found = circles(&files);
        assert_eq!(found.len(), expected, "{one} {other}: {found:?}");
    }
}

#[test]
fn a_folder_and_its_file_are_one_thing() {
    let texts = [
        ("src/a.rs", "mod b; mod c; use self::b::B;"),
        ("src/a/b.rs", "use super::A;"),
        ("src/a/c.rs", "use super::{A, b::B};"),
    ];
    let files = Files::of(texts.map(|(path, text)| (path, text.to_owned())));
    assert_eq!(circles(&files), Vec::<String>::new());
}
