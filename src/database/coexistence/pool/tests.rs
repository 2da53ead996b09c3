use std::fs;
use std::io::Write;

use super::*;

/// Opens like SQLite opens a database; the replaced calls use SQLite's own `open`.
fn ask(path: &Path, flags: c_int) -> c_int {
    assert!(super::super::install::installed());
    let name = CString::new(path.as_os_str().as_bytes()).unwrap();
    open(&name, flags | libc::O_CLOEXEC, 0o600)
}

fn file(folder: &tempfile::TempDir, name: &str) -> std::path::PathBuf {
    let path = folder.path().join(name);
    fs::File::create(&path)
        .unwrap()
        .write_all(b"content")
        .unwrap();
    path
}

fn kept(path: &Path) -> Option<usize> {
    let name = CString::new(path.as_os_str().as_bytes()).unwrap();
    let key = os::identity_at(&name)?.key;
    pool().files.get(&key).map(Entry::kept)
}

#[test]
fn descriptors_are_given_out_again_and_never_closed() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "a.db");
    let (one, two) = (ask(&path, libc::O_RDWR), ask(&path, libc::O_RDWR));
    assert!(one >= 3 && two >= 3 && one != two);
    assert_eq!(owner(one), Owner::Us { plain_locks: false });
    assert_eq!(kept(&path), Some(2));
    for fd in [one, two] {
        assert_eq!(give_back(fd), 0);
        assert!(os::identity_of(fd).is_some(), "it is still open");
    }
    for _ in 0..10_000 {
        let fd = ask(&path, libc::O_RDWR);
        assert!(fd == one || fd == two);
        give_back(fd);
    }
    assert_eq!(kept(&path), Some(2));
}

#[test]
fn links_lead_to_the_same_description() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "a.db");
    let (soft, hard) = (folder.path().join("soft.db"), folder.path().join("hard.db"));
    std::os::unix::fs::symlink(&path, &soft).unwrap();
    fs::hard_link(&path, &hard).unwrap();
    let fds = [&path, &soft, &hard].map(|path| ask(path, libc::O_RDONLY));
    assert_eq!(kept(&path), Some(3));
    assert_eq!(kept(&soft), kept(&hard));
    for fd in fds {
        give_back(fd);
    }
}

#[test]
fn a_read_only_request_gets_the_description_that_can_write() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "a.db");
    let reader = ask(&path, libc::O_RDONLY);
    let writer = ask(&path, libc::O_RDWR);
    assert!(reader >= 3 && writer >= 3);
    assert_eq!(kept(&path), Some(2));
    for fd in [reader, writer] {
        give_back(fd);
    }
}

#[test]
fn a_file_without_a_name_is_dropped_once_nobody_locks_it() {
    let folder = tempfile::tempdir().unwrap();
    let (path, other) = (file(&folder, "a.db"), file(&folder, "other.db"));
    let fd = ask(&path, libc::O_RDWR);
    let host = fs::File::options()
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();
    give_back(fd);
    fs::remove_file(&path).unwrap();
    // Another owner has a lock on it.
    let mut lock = super::super::os::test_lock(libc::F_RDLCK);
    assert_eq!(super::super::os::test_posix_lock(&host, &mut lock), 0);
    give_back(ask(&other, libc::O_RDWR));
    assert!(os::identity_of(fd).is_some());
    lock.l_type = super::super::os::test_lock(libc::F_UNLCK).l_type;
    assert_eq!(super::super::os::test_posix_lock(&host, &mut lock), 0);
    give_back(ask(&other, libc::O_RDWR));
    assert_eq!(owner(fd), Owner::Other);
    // The same name is another file now.
    let path = file(&folder, "a.db");
    let new = ask(&path, libc::O_RDWR);
    assert_eq!(kept(&path), Some(1));
    give_back(new);
}

#[test]
fn what_is_not_locked_is_not_pooled() {
    for (name, flags, shared) in [
        (&b"/x/skills.db"[..], libc::O_RDWR | libc::O_CREAT, true),
        (b"/x/skills.db-shm", libc::O_RDWR | libc::O_CREAT, true),
        (b"/x/skills.db", libc::O_RDONLY, true),
        (b"/x/skills.db-wal", libc::O_RDWR | libc::O_CREAT, false),
        (b"/x/skills.db-journal", libc::O_RDWR | libc::O_CREAT, false),
        (b"/x/skills.db-mj0A1B2C9D3", libc::O_RDWR, false),
        (
            b"/tmp/etilqs_1",
            libc::O_RDWR | libc::O_CREAT | libc::O_EXCL,
            false,
        ),
        (b"/x", libc::O_RDONLY | libc::O_DIRECTORY, false),
    ] {
        assert_eq!(
            is_shared_kind(name, flags),
            shared,
            "{}",
            String::from_utf8_lossy(name)
        );
    }
}

#[test]
fn errors_are_told_as_the_system_tells_them() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(ask(&folder.path().join("none.db"), libc::O_RDWR), -1);
    assert_eq!(os::errno(), libc::ENOENT);
    // A device is passed through.
    let null = ask(Path::new("/dev/null"), libc::O_RDWR);
    assert_eq!(owner(null), Owner::Other);
    assert_eq!(os::real_close(null), 0);
}
