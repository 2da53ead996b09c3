//! The fuzzer's targets (`tests/fuzz`) with every input of its committed corpus: what was found
//! once stays mended.

#[path = "../fuzz/targets/mod.rs"]
mod targets;

use std::path::Path;

fn replay(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(name);
    let mut count = 0;
    let mut failed = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let data = std::fs::read(&path).unwrap();
        count += 1;
        if std::panic::catch_unwind(|| target(&data)).is_err() {
            failed.push(path.file_name().unwrap().display().to_string());
        }
    }
    assert!(count > 10, "{} holds {count} inputs", folder.display());
    assert!(failed.is_empty(), "{name}: {failed:?}");
}

#[test]
fn page() {
    replay("page", targets::page);
}

#[test]
fn stamps() {
    replay("stamps", targets::stamps);
}

#[test]
fn runs() {
    replay("runs", targets::runs);
}

#[test]
fn calls() {
    replay("calls", targets::calls);
}

#[test]
fn files() {
    replay("files", targets::files);
}

#[test]
fn configuration() {
    replay("configuration", targets::configuration);
}
