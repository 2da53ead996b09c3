"""What the scenarios are made of: three parties that speak the same words, and a verdict.

`Ours` is the library under test (by ctypes), `Host` is Python's own sqlite3 in this very process, `Outsider` is
another process. Each has `exec`, `int` and `close`, and raises `Busy` or `Failed`.
"""

import ctypes
import os
import sqlite3
import subprocess
import sys

# Milliseconds after which a lock counts as somebody else's.
IMPATIENT = 40

HERE = os.path.dirname(os.path.abspath(__file__))


class Busy(Exception):
    """The lock is somebody else's."""


class Failed(Exception):
    """Anything else that SQLite complains of: here always the sign of a broken file."""


class Violation(Exception):
    """The property does not hold."""


class Broken(Exception):
    """The rig itself does not work, which says nothing about the property."""


def check(holds, text):
    if not holds:
        raise Violation(text)


def same(found, wanted, text):
    check(found == wanted, f"{text}: {found}, not {wanted}")


class Probe:
    """The shared library."""

    def __init__(self, path):
        lib = ctypes.CDLL(path)
        lib.probe_open.argtypes = [ctypes.c_char_p, ctypes.c_int]
        lib.probe_open.restype = ctypes.c_void_p
        lib.probe_exec.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
        lib.probe_int.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
        lib.probe_int.restype = ctypes.c_longlong
        lib.probe_close.argtypes = [ctypes.c_void_p]
        lib.probe_close.restype = None
        lib.probe_error.restype = ctypes.c_char_p
        lib.probe_descriptors.restype = ctypes.c_longlong
        self.lib = lib

    def fail(self):
        text = (self.lib.probe_error() or b"").decode()
        raise Busy(text) if text.startswith("DATABASE_BUSY") else Failed(f"ours: {text}")

    def descriptors(self):
        return self.lib.probe_descriptors()


class Ours:
    def __init__(self, probe, path, busy=IMPATIENT):
        self.probe = probe
        self.handle = probe.lib.probe_open(os.fsencode(path), busy)
        if not self.handle:
            probe.fail()

    def exec(self, sql):
        if self.probe.lib.probe_exec(self.handle, sql.encode()) != 0:
            self.probe.fail()

    def int(self, sql):
        value = self.probe.lib.probe_int(self.handle, sql.encode())
        if value == -1:
            self.probe.fail()
        return value

    def close(self):
        self.probe.lib.probe_close(self.handle)
        self.handle = None


class Host:
    def __init__(self, path, busy=IMPATIENT):
        self.connection = sqlite3.connect(
            path, timeout=busy / 1000, isolation_level=None, check_same_thread=False
        )

    def exec(self, sql):
        self._run(sql).fetchall()

    def int(self, sql):
        return self._run(sql).fetchone()[0]

    def _run(self, sql):
        try:
            return self.connection.execute(sql)
        except sqlite3.Error as error:
            raise Busy(str(error)) if "locked" in str(error) else Failed(f"host: {error}")

    def close(self):
        self.connection.close()


class Outsider:
    def __init__(self, path=None, busy=IMPATIENT):
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "outsider.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if path is not None:
            self.order(f"open {busy} {path}")

    def send(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def answer(self):
        kind, _, rest = self.process.stdout.readline().rstrip("\n").partition(" ")
        if kind == "busy":
            raise Busy("outsider")
        if kind == "error":
            raise Failed(f"outsider: {rest}")
        if kind not in ("ok", "value"):
            raise Broken("the outsider is gone")
        return rest

    def order(self, line):
        self.send(line)
        return self.answer()

    def exec(self, sql):
        self.order(f"exec {sql}")

    def int(self, sql):
        return int(self.order(f"int {sql}"))

    def text(self, sql):
        return self.order(f"text {sql}")

    def close(self):
        """The connection; the process stays for the next `open`."""
        self.order("close")

    def end(self):
        self.process.stdin.close()
        self.process.wait()


COUNT = "SELECT count(*) FROM entry"


def insert(writer):
    return f"INSERT INTO entry (writer, n, filler) VALUES ('{writer}', 1, hex(zeroblob(300)))"


def is_busy(call, *arguments):
    """Whether it is refused; where it is not, the transaction that it began stays open."""
    try:
        call(*arguments)
    except Busy:
        return True
    return False


class Rig:
    """One run: the library, a database of its own, and what else the driver said."""

    def __init__(self, library, seconds, mode, folder):
        if mode not in ("wal", "delete"):
            raise Broken(f"no journal mode '{mode}'")
        self.library, self.seconds, self.folder = library, float(seconds), folder
        self.probe = Probe(library)
        self.wal = mode == "wal"
        self.path = os.path.join(folder, "skills.db")
        self.prepare(self.path)
        wanted = "SKILLSMITH_TEST_COEXISTENCE" not in os.environ
        if bool(self.probe.lib.probe_installed()) != wanted:
            raise Broken(f"the replacement is {'not ' if wanted else ''}installed")

    def prepare(self, path):
        """A database with tables to count in, in the right journal mode. An existing one stays."""
        if os.path.exists(path):
            return
        ours = self.ours(path)
        ours.exec(
            "CREATE TABLE counter (name TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT;"
            "CREATE TABLE entry (id INTEGER PRIMARY KEY, writer TEXT, n INTEGER, filler TEXT) STRICT;"
            "INSERT INTO counter VALUES ('all', 0), ('host', 0), ('ours-1', 0), ('ours-2', 0), ('outsider', 0)"
        )
        if not self.wal:
            ours.exec("PRAGMA journal_mode = delete")
        ours.close()

    def ours(self, path=None, busy=IMPATIENT):
        return Ours(self.probe, path or self.path, busy)

    def host(self, path=None, busy=IMPATIENT):
        return Host(path or self.path, busy)

    def outsider(self, path=None, busy=IMPATIENT):
        return Outsider(path or self.path, busy)

    def files_stand(self):
        """In WAL mode neither file may vanish while somebody has the database open."""
        for suffix in ("-wal", "-shm") if self.wal else ():
            check(os.path.exists(self.path + suffix), f"{suffix} vanished")

    def sound(self, rows, path=None):
        """A fresh process finds every row and no damage, and nobody's lock is left."""
        fresh = self.outsider(path, 5000)
        same(fresh.int(COUNT), rows, "rows in the end")
        same(fresh.text("PRAGMA integrity_check"), "ok", "integrity")
        if self.wal:
            # This takes every lock there is, so nobody may have kept one.
            same(fresh.text("PRAGMA journal_mode = delete"), "delete", "journal mode")
        else:
            fresh.exec("BEGIN EXCLUSIVE")
            fresh.exec("COMMIT")
        fresh.close()
        fresh.end()
