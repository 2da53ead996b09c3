//! The day of a release, which manual pages carry. The day of a build would be another one in each build.

/// As the heading of its changes has it: `## 1.2.0 (2030-05-31)`. `None` before the release.
pub fn day<'c>(changes: &'c str, version: &str) -> Option<&'c str> {
    changes.lines().find_map(|line| {
        let rest = line.strip_prefix("## ")?.strip_prefix(version)?;
        rest.strip_prefix(" (")?.strip_suffix(')')
    })
}
