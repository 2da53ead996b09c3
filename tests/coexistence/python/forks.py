"""After a fork: the child neither uses nor closes what it inherited, whatever it does with it."""

import os
import signal
import subprocess
import sys
import time
import traceback

from harness import COUNT, Violation, check, insert, is_busy, same

DEADLINE = 30


def in_child(act):
    """Runs `act` in a forked child; its exception is the parent's."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            act()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            check(status == 0, f"the child failed with status {status}")
            return
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    raise Violation("the child hangs")


def around(rig, act):
    """Our write transaction, and then the host's, with a child that does `act` in the midst of each."""
    host, outsider, ours = rig.host(), rig.outsider(), rig.ours()
    rows = 0
    for writer, others in ((ours, (host, outsider)), (host, (ours, outsider))):
        in_child(lambda: act(ours, rows))
        writer.exec("BEGIN IMMEDIATE")
        writer.exec(insert("before"))
        in_child(lambda: act(ours, rows))
        for other in others:
            check(is_busy(other.exec, "BEGIN IMMEDIATE"), "somebody got in after the child")
        rig.files_stand()
        writer.exec(insert("after"))
        writer.exec("COMMIT")
        rows += 2
        for party in (ours, host, outsider):
            same(party.int(COUNT), rows, "rows")
            party.exec(insert("any"))
            rows += 1
    ours.close()
    host.close()
    outsider.close()
    rig.sound(rows)


def fork_exit(rig):
    """The child just ends."""
    around(rig, lambda _ours, _rows: None)


def fork_close(rig):
    """The child closes the connection that it inherited."""
    around(rig, lambda ours, _rows: ours.close())


def fork_open(rig):
    """The child opens a connection of its own: another process like any other."""

    def act(_inherited, rows):
        own = rig.ours()
        same(own.int(COUNT), rows, "rows that the child sees")
        own.close()

    around(rig, act)

    def write():
        own = rig.ours()
        own.exec(insert("child"))
        own.close()

    def stay_out():
        own = rig.ours()
        check(is_busy(own.exec, "BEGIN IMMEDIATE"), "the child got into a transaction of its parent")
        own.close()

    host, ours = rig.host(), rig.ours()
    rows = ours.int(COUNT)
    for writer in (ours, host):
        writer.exec("BEGIN IMMEDIATE")
        writer.exec(insert("parent"))
        in_child(stay_out)
        check(is_busy((host if writer is ours else ours).exec, "BEGIN IMMEDIATE"), "the other got in")
        writer.exec("COMMIT")
        in_child(write)
        rows += 2
        same(ours.int(COUNT), rows, "rows")
    ours.close()
    host.close()
    rig.sound(rows)


def fork_use(rig):
    """The child tries to write through the connection that it inherited: refused, or done properly."""
    host, ours = rig.host(), rig.ours()
    ours.exec(insert("parent"))

    def use():
        try:
            ours.exec("BEGIN IMMEDIATE")
            ours.exec(insert("child"))
            ours.exec("COMMIT")
        except Exception as error:
            print(f"refused: {error}")

    in_child(use)
    ours.exec(insert("parent"))
    host.exec(insert("host"))
    rows = host.int(COUNT)
    check(rows in (3, 4), f"{rows} rows")
    same(ours.int(COUNT), rows, "rows")
    ours.close()
    host.close()
    rig.sound(rows)


def fork_orphan(rig):
    """The parent dies in a transaction of ours while a child of it lives on: the lock dies with the parent."""
    outsider = rig.outsider()
    reading, writing = os.pipe()
    parent = os.fork()
    if parent == 0:
        ours = rig.ours()
        ours.exec(f"BEGIN IMMEDIATE; {insert('ours')}")
        child = os.fork()
        if child == 0:
            time.sleep(DEADLINE)
            os._exit(0)
        os.write(writing, f"{child}\n".encode())
        time.sleep(DEADLINE)
        os._exit(0)
    child = int(os.read(reading, 32))
    try:
        check(is_busy(outsider.exec, "BEGIN IMMEDIATE"), "an outsider got in")
        os.kill(parent, signal.SIGKILL)
        os.waitpid(parent, 0)
        refused = is_busy(outsider.exec, "BEGIN IMMEDIATE")
        check(not refused, "the lock outlives its owner, in a child that does nothing with it")
        outsider.exec("COMMIT")
    finally:
        os.kill(child, signal.SIGKILL)
    outsider.close()
    rig.sound(0)


def programs(rig):
    """A program that is started meanwhile inherits no descriptor of the database."""
    host, ours = rig.host(), rig.ours()
    rig.ours().close()
    ours.exec(f"BEGIN IMMEDIATE; {insert('ours')}")
    child = subprocess.Popen(["sleep", str(DEADLINE)], close_fds=False)
    try:
        time.sleep(0.1)
        folder = f"/proc/{child.pid}/fd"
        found = [os.readlink(os.path.join(folder, entry)) for entry in os.listdir(folder)]
    finally:
        child.kill()
        child.wait()
    inherited = [target for target in found if target.startswith(rig.folder)]
    check(not inherited, f"inherited: {inherited}")
    ours.exec("COMMIT")
    ours.close()
    host.close()
    rig.sound(1)
