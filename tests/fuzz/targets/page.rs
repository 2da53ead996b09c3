//! The page parser: any bytes as the body of an answer.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use skillsmith_sync::registry::Page;

/// More rows than this are no page.
const MAX_ROWS: usize = 20_000;

pub fn page(data: &[u8]) {
    let parsed = Page::parse(data).ok();
    assert_eq!(
        parsed,
        Page::parse(data).ok(),
        "read twice, read differently"
    );
    let Some(page) = parsed else { return };
    let rows = page.rows();
    assert!(rows.len() <= MAX_ROWS && rows.len() <= data.len());
    for row in rows {
        if row.rejection().is_none() {
            let id = row.id().expect("a skill has an id");
            assert!(!id.is_empty(), "a skill without an id");
        } else {
            assert_eq!(row.name(), None);
        }
    }
    rows_stand_alone(data, &page);
}

/// A row means the same whatever stands beside it.
fn rows_stand_alone(data: &[u8], page: &Page) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    // Which of two is taken is nobody's business.
    if text.matches("data").count() != 1 {
        return;
    }
    let Ok(envelope) = serde_json::from_str::<BTreeMap<String, &RawValue>>(text) else {
        return;
    };
    let Some(raw) = envelope
        .get("data")
        .and_then(|data| serde_json::from_str::<Vec<&RawValue>>(data.get()).ok())
    else {
        return;
    };
    let rows = page.rows();
    assert_eq!(raw.len(), rows.len());
    for (raw, row) in raw.iter().zip(rows).take(50) {
        let body = format!("{{\"meta\": {{}}, \"data\": [ {raw} ]}}");
        let alone = Page::parse(body.as_bytes()).expect("a page of one row");
        assert_eq!(alone.rows(), std::slice::from_ref(row));
    }
}
