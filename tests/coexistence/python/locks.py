"""Who keeps whom out: the host idle, reading or writing, and the reverse."""

import os
import shutil
import threading
import time

from harness import COUNT, Busy, Failed, Ours, Probe, check, insert, is_busy, same


def idle(rig):
    """The host has it open and does nothing; we open, read and close; then everybody writes."""
    host, outsider = rig.host(), rig.outsider()
    host.exec(insert("host"))
    rows = 1
    for _ in range(3):
        ours = rig.ours()
        same(ours.int(COUNT), rows, "rows that we see")
        ours.close()
        rig.files_stand()
        host.exec(insert("host"))
        outsider.exec(insert("outsider"))
        rows += 2
        same(host.int(COUNT), rows, "rows that the host sees")
        same(outsider.int(COUNT), rows, "rows that the outsider sees")
        rig.files_stand()
    host.close()
    outsider.close()
    rig.sound(rows)


def stays_out(rig, outsider, rows, whose):
    """Under a reader an outsider cannot change what that reader sees."""
    if rig.wal:
        outsider.exec(insert("outsider"))
        busy = outsider.int("PRAGMA wal_checkpoint(TRUNCATE)")
        check(busy == 1, f"an outsider emptied the WAL under {whose} read transaction")
        return rows + 1
    outsider.exec("BEGIN IMMEDIATE")
    outsider.exec(insert("outsider"))
    check(is_busy(outsider.exec, "COMMIT"), f"an outsider committed under {whose} read transaction")
    outsider.exec("ROLLBACK")
    return rows


def reading(rig):
    """A reader keeps what it sees, whatever the other copy in its process opens and closes."""
    host, outsider = rig.host(), rig.outsider()
    host.exec(insert("host"))
    rows = 1
    for _ in range(2):
        host.exec("BEGIN")
        seen = host.int(COUNT)
        ours = rig.ours()
        same(ours.int(COUNT), rows, "rows that we see")
        ours.close()
        rows = stays_out(rig, outsider, rows, "the host's")
        same(host.int(COUNT), seen, "rows that the host's transaction sees")
        host.exec("COMMIT")

        ours = rig.ours()
        ours.exec("BEGIN")
        seen = ours.int(COUNT)
        second = rig.host()
        same(second.int(COUNT), rows, "rows that the host sees")
        second.close()
        rows = stays_out(rig, outsider, rows, "our")
        same(ours.int(COUNT), seen, "rows that our transaction sees")
        ours.exec("COMMIT")
        ours.close()
    host.close()
    outsider.close()
    rig.sound(rows)


def host_writes(rig):
    """The host in a write transaction: we wait or say busy, and nobody gets in before or after we close."""
    host, outsider = rig.host(), rig.outsider()
    kept = rig.ours()
    rows = 0
    for kind in ("IMMEDIATE", "EXCLUSIVE", "IMMEDIATE"):
        host.exec(f"BEGIN {kind}")
        host.exec(insert("host"))
        check(is_busy(outsider.exec, "BEGIN IMMEDIATE"), "an outsider got in before we opened")
        visible = rig.wal or kind == "IMMEDIATE"
        for _ in range(2):
            try:
                ours = rig.ours()
            except Busy:
                check(not visible, "we could not even read")
            else:
                check(visible, "we could read under the host's exclusive lock")
                same(ours.int(COUNT), rows, "rows that we see of an open transaction")
                check(is_busy(ours.exec, "BEGIN IMMEDIATE"), "we got into the host's transaction")
                ours.close()
            check(is_busy(kept.exec, "BEGIN IMMEDIATE"), "our other connection got in")
            check(is_busy(outsider.exec, "BEGIN IMMEDIATE"), "an outsider got in after we closed")
            rig.files_stand()
        host.exec(insert("host"))
        host.exec("COMMIT")
        rows += 2
        kept.exec(insert("ours"))
        outsider.exec(insert("outsider"))
        rows += 2
        same(kept.int(COUNT), rows, "rows that we see")
        same(host.int(COUNT), rows, "rows that the host sees")
    rows += waits(rig, host)
    kept.close()
    host.close()
    outsider.close()
    rig.sound(rows)


def waits(rig, host):
    """With a long lock wait we get in when the host is done, and not before."""
    host.exec("BEGIN IMMEDIATE")
    host.exec(insert("host"))
    got_in = []

    def wait():
        ours = rig.ours(busy=10_000)
        try:
            ours.exec(f"BEGIN IMMEDIATE; {insert('ours')}; COMMIT")
            got_in.append(time.monotonic())
        except (Busy, Failed) as error:
            got_in.append(error)
        ours.close()

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.3)
    host.exec(insert("host"))
    released = time.monotonic()
    host.exec("COMMIT")
    thread.join()
    check(isinstance(got_in[0], float), f"we waited in vain: {got_in[0]}")
    check(got_in[0] >= released, "we did not wait for the host")
    return 3


def we_write(rig):
    """Ours in a write transaction: the host opens another connection, reads, closes it; all stay out."""
    host, outsider = rig.host(), rig.outsider()
    ours = rig.ours()
    rows = 0
    for kind in ("IMMEDIATE", "EXCLUSIVE", "IMMEDIATE"):
        ours.exec(f"BEGIN {kind}")
        ours.exec(insert("ours"))
        visible = rig.wal or kind == "IMMEDIATE"
        for _ in range(2):
            second = rig.host()
            try:
                seen = second.int(COUNT)
            except Busy:
                check(not visible, "the host could not even read")
            else:
                check(visible, "the host could read under our exclusive lock")
                same(seen, rows, "rows that the host sees of an open transaction")
            check(is_busy(second.exec, "BEGIN IMMEDIATE"), "the host got into our transaction")
            second.close()
            check(is_busy(host.exec, "BEGIN IMMEDIATE"), "the host's other connection got in")
            check(is_busy(outsider.exec, "BEGIN IMMEDIATE"), "an outsider got in")
            # One more of ours comes and goes: the lock stays the writer's.
            if visible:
                third = rig.ours()
                same(third.int(COUNT), rows, "rows that our other connection sees")
                check(is_busy(third.exec, "BEGIN IMMEDIATE"), "two of ours write at once")
                third.close()
            check(is_busy(outsider.exec, "BEGIN IMMEDIATE"), "an outsider got in after our other connection closed")
            rig.files_stand()
        ours.exec(insert("ours"))
        ours.exec("COMMIT")
        rows += 2
        host.exec(insert("host"))
        outsider.exec(insert("outsider"))
        rows += 2
        same(ours.int(COUNT), rows, "rows that we see")
        same(host.int(COUNT), rows, "rows that the host sees")
    ours.close()
    host.close()
    outsider.close()
    rig.sound(rows)


def twice(rig):
    """Two copies of our library, as when a program has it in two versions: to each the other is a host."""
    copy = os.path.join(rig.folder, "copy.so")
    shutil.copyfile(rig.library, copy)
    other = Probe(copy)
    parties = [rig.host(), rig.ours(), Ours(other, rig.path)]
    rows = 0
    for writer in parties:
        writer.exec("BEGIN IMMEDIATE")
        writer.exec(insert("any"))
        for visitor in (rig.host(), rig.ours(), Ours(other, rig.path)):
            same(visitor.int(COUNT), rows, "rows that a visitor sees")
            check(is_busy(visitor.exec, "BEGIN IMMEDIATE"), "a visitor got in")
            visitor.close()
        for party in parties:
            if party is not writer:
                check(is_busy(party.exec, "BEGIN IMMEDIATE"), "two write at once")
        rig.files_stand()
        writer.exec("COMMIT")
        rows += 1
    for party in parties:
        same(party.int(COUNT), rows, "rows")
        party.close()
    rig.sound(rows)


def many(rig):
    """Many connections of ours to one file: they keep each other, the host and an outsider out."""
    host, outsider = rig.host(), rig.outsider()
    ours = [rig.ours() for _ in range(40)]
    rows = 0
    for index in range(0, 40, 8):
        writer = ours[index]
        writer.exec("BEGIN IMMEDIATE")
        writer.exec(insert("ours"))
        for other in ours[index + 1 : index + 8]:
            same(other.int(COUNT), rows, "rows that another of ours sees")
            other.close()
        check(is_busy(host.exec, "BEGIN IMMEDIATE"), "the host got in")
        check(is_busy(outsider.exec, "BEGIN IMMEDIATE"), "an outsider got in")
        extra = rig.ours()
        check(is_busy(extra.exec, "BEGIN IMMEDIATE"), "another of ours got in")
        extra.close()
        writer.exec("COMMIT")
        writer.close()
        host.exec(insert("host"))
        outsider.exec(insert("outsider"))
        rows += 3
        rig.files_stand()
    host.close()
    outsider.close()
    rig.sound(rows)
