//! The manual pages of the command line, `npm/man`: made of its definition, and committed, so that a package needs no Rust to
//! have them. `SKILLSMITH_UPDATE_MANUAL=1` writes them anew.

use std::collections::BTreeMap;
use std::path::Path;

use clap::Command;
use clap_mangen::Man;
use skillsmith_sync::cli;

#[path = "../../bindings/c/documents/released.rs"]
mod released;

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/npm/man"))
}

/// One page for the program and each of its commands, by file name.
fn pages() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut program = cli::definition();
    program.build();
    add(&program, &mut found);
    found
}

fn add(command: &Command, found: &mut BTreeMap<String, String>) {
    let name = command
        .get_display_name()
        .unwrap_or_else(|| command.get_name());
    // What comes after the options has headings of its own.
    let after = command.get_after_help().map(ToString::to_string);
    let shown = command.clone().after_help("").disable_help_subcommand(true);
    let man = Man::new(shown);
    let mut page = Vec::new();
    man.render_title(&mut page).unwrap();
    man.render_name_section(&mut page).unwrap();
    man.render_synopsis_section(&mut page).unwrap();
    man.render_description_section(&mut page).unwrap();
    man.render_options_section(&mut page).unwrap();
    if command
        .get_subcommands()
        .any(|command| command.get_name() != "help")
    {
        man.render_subcommands_section(&mut page).unwrap();
    }
    let page = String::from_utf8(page).unwrap();
    let (before, title) = page.split_once(".TH ").unwrap();
    let (_, rest) = title.split_once('\n').unwrap();
    let mut page = format!("{before}{}\n{rest}", title_line(name));
    for part in after.iter().flat_map(|text| text.split("\n\n")) {
        page.push_str(&section(part));
    }
    found.insert(format!("{name}.1"), page);
    for command in command.get_subcommands() {
        if command.get_name() != "help" {
            add(command, found);
        }
    }
}

/// As the pages of the C library have it.
fn title_line(name: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let day = released::day(include_str!("../../CHANGELOG.md"), version).unwrap_or_default();
    format!(
        ".TH {} 1 \"{day}\" \"skillsmith-sync {version}\" \"skillsmith-sync\"",
        name.to_uppercase()
    )
}

/// A heading with a colon, and lines that stay as they are; or running text.
fn section(part: &str) -> String {
    let escaped = |text: &str| text.replace('\\', "\\e").replace('-', "\\-");
    match part.split_once(":\n") {
        Some((heading, lines)) => format!(
            ".SH {}\n.nf\n{}\n.fi\n",
            heading.to_uppercase(),
            escaped(lines)
        ),
        None => format!(".PP\n{}\n", escaped(&part.replace('\n', " "))),
    }
}

#[test]
fn the_committed_pages_are_those_of_the_definition() {
    let pages = pages();
    if std::env::var_os("SKILLSMITH_UPDATE_MANUAL").is_some() {
        _ = std::fs::remove_dir_all(folder());
        std::fs::create_dir_all(folder()).unwrap();
        for (name, page) in &pages {
            std::fs::write(folder().join(name), page).unwrap();
        }
    }
    let committed: BTreeMap<String, String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|file| file.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    assert_eq!(
        committed, pages,
        "run this test with SKILLSMITH_UPDATE_MANUAL=1"
    );
    let names: Vec<&str> = pages.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "skillsmith-completions.1",
            "skillsmith-doctor.1",
            "skillsmith-search.1",
            "skillsmith-show.1",
            "skillsmith-sync-config.1",
            "skillsmith-sync-history.1",
            "skillsmith-sync-status.1",
            "skillsmith-sync.1",
            "skillsmith.1"
        ]
    );
}

/// What a reader sees: every option, and the headings of the help.
#[test]
fn a_page_has_the_options_and_what_comes_after_them() {
    let page = &pages()["skillsmith-sync.1"];
    for part in [
        "\\-\\-dry\\-run",
        "\\-\\-page\\-size",
        ".SH EXAMPLES",
        ".SH ENVIRONMENT VARIABLES",
        ".SH EXIT CODES",
        "  130  interrupted",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

/// The same in every build, so that two of one version are identical.
#[test]
fn a_page_has_the_day_of_its_release_and_none_before() {
    let changes = "# Changelog\n\n## Unreleased\n\n## 0.10.0 (2030-06-01)\n\n## 0.1.0 (2030-05-31)\n\n- A change.\n\n## 0.0.9\n";
    for (version, day) in [
        ("0.1.0", Some("2030-05-31")),
        ("0.10.0", Some("2030-06-01")),
        ("0.0.9", None),
        ("0.1", None),
        ("1.0.0", None),
    ] {
        assert_eq!(released::day(changes, version), day, "{version}");
    }
    for (name, page) in pages() {
        let title = page.lines().find(|line| line.starts_with(".TH ")).unwrap();
        let upper = name.trim_end_matches(".1").to_uppercase();
        assert_eq!(title, title_line(&upper), "{name}");
    }
}
