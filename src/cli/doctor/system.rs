//! What the operating system tells of a file.

use std::path::Path;

/// `, mode 700`; nothing on a system without modes.
pub(super) fn mode(path: &Path) -> String {
    #[cfg(unix)]
    if let Ok(found) = std::fs::metadata(path) {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        let (mode, owner) = (found.permissions().mode() & 0o7777, found.uid());
        return format!(", mode {mode:o}, owner {owner}");
    }
    _ = path;
    String::new()
}

/// Other processes that have the file open, as far as this user may see; `None` where the system does not
/// tell. Only names are read: opening the file itself would cost another SQLite its locks.
pub(super) fn users_of(path: &Path) -> Option<Vec<String>> {
    let path = path.canonicalize().ok()?;
    let processes = std::fs::read_dir("/proc").ok()?;
    let mut users = Vec::new();
    for process in processes.flatten() {
        let name = process.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(files) = std::fs::read_dir(process.path().join("fd")) else {
            continue;
        };
        let mut targets = files
            .flatten()
            .filter_map(|file| file.path().read_link().ok());
        if pid != std::process::id() && targets.any(|target| target == path) {
            let command = std::fs::read_to_string(process.path().join("comm"));
            users.push(format!(
                "{} (process {pid})",
                command.unwrap_or_default().trim()
            ));
        }
    }
    Some(users)
}
