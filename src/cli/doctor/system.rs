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

/// The kind of the file system that a folder is on, such as `ext4`, as Linux tells it.
pub(super) fn file_system(folder: &Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    kind_in(&mounts, &folder)
}

/// `id parent device root PLACE options … - KIND source options`: the longest place wins, and of equal
/// ones the last.
fn kind_in(mounts: &str, folder: &Path) -> Option<String> {
    let mount = |line: &str| {
        let (left, right) = line.split_once(" - ")?;
        let place = left.split(' ').nth(4)?.replace("\\040", " ");
        let kind = right.split(' ').next()?.to_owned();
        folder.starts_with(&place).then_some((place.len(), kind))
    };
    let found = mounts.lines().filter_map(mount);
    Some(found.max_by_key(|(length, _)| *length)?.1)
}

pub(super) fn is_of_the_network(kind: &str) -> bool {
    const KINDS: [&str; 8] = ["nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "afs"];
    KINDS.contains(&kind) || kind.starts_with("fuse.sshfs")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_and_last_mount_is_that_of_a_folder() {
        let mounts = "\
1 0 8:1 / / rw - ext4 /dev/sda1 rw
2 1 0:5 / /home rw,nosuid shared:1 - nfs4 host:/home rw
3 1 0:6 / /my\\040disk rw - cifs //host/share rw
4 1 0:7 / /home rw - tmpfs tmpfs rw
";
        for (folder, kind) in [
            ("/var/lib", "ext4"),
            ("/home/ada", "tmpfs"),
            ("/homes", "ext4"),
            ("/my disk/x", "cifs"),
        ] {
            assert_eq!(kind_in(mounts, Path::new(folder)).as_deref(), Some(kind));
        }
        assert!(is_of_the_network("nfs4") && !is_of_the_network("ext4"));
    }
}
