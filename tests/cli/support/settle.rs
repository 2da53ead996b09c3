//! Replaces the parts of a text that vary between runs.

use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

/// Replaces paths, ports, times, durations and run ids with placeholders; tables keep their layout.
pub fn settled(text: &str, home: &Path) -> String {
    static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        [
            (r"127\.0\.0\.1:[0-9]+", "127.0.0.1:<port>"),
            (r"sync-[0-9]{14}-[a-z0-9]{6}", "<run id>"),
            (
                r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z",
                "<iso time>",
            ),
            (
                r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}",
                "<sqlite time>",
            ),
            // As wide as the time.
            (
                r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}",
                "YYYY-MM-DD HH:MM",
            ),
            // Up to a tenth of a day earlier.
            (r"in 2[1-3] hours", "in <a day>"),
            (r"(in|;) [0-9]+(\.[0-9])? m?s(?-u:\b)", "$1 <duration>"),
            (r" +[0-9]+(\.[0-9])? m?s(?-u:\b)", " <duration>"),
            (r#""durationMs": [0-9]+"#, r#""durationMs": <ms>"#),
            (
                r#""averageDurationMs": [0-9]+"#,
                r#""averageDurationMs": <ms>"#,
            ),
        ]
        .map(|(pattern, name)| (Regex::new(pattern).unwrap(), name))
        .into()
    });
    let text = text.replace(home.to_str().unwrap(), "<home>");
    PATTERNS.iter().fold(text, |text, (pattern, name)| {
        pattern.replace_all(&text, *name).into_owned()
    })
}
