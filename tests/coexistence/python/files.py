"""Files that come, go, have other names or are only read, and the descriptors that we keep of them."""

import os

from harness import COUNT, Failed, check, insert, is_busy, same


def files(rig):
    """Several files at once: a lock on one is no lock on another, nor lost by closing another."""
    paths = [os.path.join(rig.folder, f"{index}.db") for index in range(6)]
    for path in paths:
        rig.prepare(path)
    hosts = [rig.host(path) for path in paths]
    ours = [rig.ours(path) for path in paths]
    outsiders = [rig.outsider(path) for path in paths]
    for index in (0, 2, 4):
        ours[index].exec(f"BEGIN IMMEDIATE; {insert('ours')}")
        hosts[index + 1].exec("BEGIN IMMEDIATE")
        hosts[index + 1].exec(insert("host"))
    for path in paths:
        ours_too, host_too = rig.ours(path), rig.host(path)
        same((ours_too.int(COUNT), host_too.int(COUNT)), (0, 0), "rows before a commit")
        ours_too.close()
        host_too.close()
    for index, path in enumerate(paths):
        for name, party in (("host", hosts), ("outsider", outsiders), ("ours", ours)):
            if (name, index % 2) not in (("ours", 0), ("host", 1)):
                check(is_busy(party[index].exec, "BEGIN IMMEDIATE"), f"{name} got into {path}")
    for index in (0, 2, 4):
        ours[index].exec("COMMIT")
        hosts[index + 1].exec("COMMIT")
    for index, path in enumerate(paths):
        for party in (hosts, outsiders, ours):
            party[index].exec(insert("any"))
        for party in (hosts, outsiders, ours):
            party[index].close()
        rig.sound(4, path)


def remade(rig):
    """Deleted and made anew under the same name, while one of ours still has the old one."""
    before = rig.probe.descriptors()
    for turn in range(16):
        old = rig.ours()
        old.exec(insert("ours"))
        for suffix in ("", "-wal", "-shm", "-journal"):
            if os.path.exists(rig.path + suffix):
                os.unlink(rig.path + suffix)
        rig.prepare(rig.path)
        host, new = rig.host(), rig.ours()
        same(new.int(COUNT), 0, "rows of the new file")
        new.exec(f"BEGIN IMMEDIATE; {insert('ours')}")
        check(is_busy(host.exec, "BEGIN IMMEDIATE"), "the host got in")
        if turn % 2:
            old.close()
        if turn % 8 == 0:
            outsider = rig.outsider()
            check(is_busy(outsider.exec, "BEGIN IMMEDIATE"), "an outsider got in")
            outsider.close()
            outsider.end()
        new.exec("COMMIT")
        host.exec("BEGIN IMMEDIATE")
        host.exec(insert("host"))
        check(is_busy(new.exec, "BEGIN IMMEDIATE"), "we got in")
        if turn % 2 == 0:
            old.close()
        check(is_busy(new.exec, "BEGIN IMMEDIATE"), "we got in after the old one was closed")
        host.exec("COMMIT")
        same(new.int(COUNT), 2, "rows of the new file")
        new.close()
        host.close()
    check(
        rig.probe.descriptors() <= before + 6,
        f"{rig.probe.descriptors() - before} descriptors of deleted files are kept",
    )
    rig.sound(2)


def read_only(rig):
    """A read-only open never takes the right to write from the others, nor gets it from them."""
    other = os.path.join(rig.folder, "other.db")
    rig.prepare(other)
    host, outsider = rig.host(), rig.outsider()
    host.exec(insert("host"))
    for reader_first in (True, False):
        reader = rig.ours(other)
        writer = None if reader_first else rig.ours()
        reader.exec(f"ATTACH 'file:{rig.path}?mode=ro' AS looked_at")
        rows = host.int(COUNT)
        same(reader.int("SELECT count(*) FROM looked_at.entry"), rows, "rows that the reader sees")
        writer = writer or rig.ours()
        try:
            reader.exec(insert("ours").replace("entry", "looked_at.entry"))
            check(False, "a read-only open could write")
        except Failed as error:
            check("READ_ONLY" in str(error), f"a read-only open: {error}")
        writer.exec(f"BEGIN IMMEDIATE; {insert('ours')}")
        check(is_busy(host.exec, "BEGIN IMMEDIATE"), "the host got in beside a reader")
        reader.exec("DETACH looked_at")
        check(is_busy(host.exec, "BEGIN IMMEDIATE"), "the host got in after a reader")
        check(is_busy(outsider.exec, "BEGIN IMMEDIATE"), "an outsider got in after a reader")
        writer.exec("COMMIT")
        host.exec("BEGIN IMMEDIATE")
        reader.exec(f"ATTACH 'file:{rig.path}?mode=ro' AS looked_at")
        same(reader.int("SELECT count(*) FROM looked_at.entry"), rows + 1, "rows that the reader sees")
        reader.close()
        check(is_busy(writer.exec, "BEGIN IMMEDIATE"), "we got into the host's transaction")
        check(is_busy(outsider.exec, "BEGIN IMMEDIATE"), "an outsider got into the host's transaction")
        host.exec("COMMIT")
        writer.close()
    host.close()
    outsider.close()
    rig.sound(3)


def guarded(rig):
    """Where the calls cannot be replaced: what the host has open is refused, and untouched; the rest is not."""
    other = os.path.join(rig.folder, "other.db")
    rig.prepare(other)
    host, outsider = rig.host(), rig.outsider()
    host.exec(insert("host"))
    for turn in range(3):
        try:
            rig.ours()
            check(False, "a file that the host has open was opened")
        except Failed as error:
            check("DATABASE_IN_USE" in str(error), f"refused, but: {error}")
        rig.ours(other).close()
        rig.files_stand()
        host.exec("BEGIN IMMEDIATE")
        host.exec(insert("host"))
        try:
            rig.ours()
        except Failed:
            pass
        check(is_busy(outsider.exec, "BEGIN IMMEDIATE"), "an outsider got in after the refusal")
        host.exec("COMMIT")
        outsider.exec(insert("outsider"))
        same(host.int(COUNT), 3 + 2 * turn, "rows that the host sees")
    host.close()
    ours = rig.ours()
    ours.exec(insert("ours"))
    same(rig.ours().int(COUNT), 8, "rows that another of ours sees")
    ours.close()
    outsider.close()


def links(rig):
    """Under the name of a symbolic link it is the same file, with the same locks."""
    link = os.path.join(rig.folder, "link.db")
    os.symlink(rig.path, link)
    host, outsider = rig.host(), rig.outsider()
    plain, linked = rig.ours(), rig.ours(link)
    parties = [(host, "host"), (outsider, "outsider"), (plain, "plain"), (linked, "linked")]
    for writer, name in parties:
        writer.exec("BEGIN IMMEDIATE")
        writer.exec(insert(name))
        for path in (link, rig.path):
            visitor = rig.ours(path)
            visitor.int(COUNT)
            visitor.close()
        for other, other_name in parties:
            if other is not writer:
                check(is_busy(other.exec, "BEGIN IMMEDIATE"), f"{other_name} got in beside {name}")
        writer.exec("COMMIT")
        rig.files_stand()
    for party, _ in parties:
        same(party.int(COUNT), 4, "rows")
        party.close()
    check(not os.path.exists(link + "-wal"), "a link has a -wal of its own")
    rig.sound(4)


def open_files():
    return len(os.listdir("/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"))


def bounded(rig):
    """A thousand opens and closes, and ten thousand where tests are long, add no descriptor, with the host there and without."""
    for with_host in (True, False):
        host = rig.host() if with_host else None
        rig.ours().close()
        before, kept = open_files(), rig.probe.descriptors()
        for _ in range(int(rig.seconds * 250)):
            ours = rig.ours()
            ours.int(COUNT)
            ours.close()
        same(open_files(), before, "open descriptors of the process")
        same(rig.probe.descriptors(), kept, "descriptors that we keep")
        if host:
            host.exec(insert("host"))
            host.close()
    rig.sound(1)


def unlinked(rig):
    """What is kept of a file goes when the file has no name and no lock any more."""
    def kept():
        folder, found = "/proc/self/fd", 0
        for entry in os.listdir(folder):
            try:
                target = os.readlink(os.path.join(folder, entry))
            except OSError:
                continue
            found += target.startswith(rig.folder) and target.endswith("(deleted)")
        return found

    before = rig.probe.descriptors()
    for index in range(50):
        path = os.path.join(rig.folder, f"gone-{index}.db")
        rig.prepare(path)
        ours = rig.ours(path)
        ours.exec(insert("ours"))
        ours.close()
        for suffix in ("", "-wal", "-shm"):
            if os.path.exists(path + suffix):
                os.unlink(path + suffix)
    rig.ours().close()
    check(kept() <= 6, f"{kept()} descriptors of deleted files are open")
    count = rig.probe.descriptors() - before
    check(count <= 6, f"{count} descriptors of deleted files are kept")
    rig.sound(0)
