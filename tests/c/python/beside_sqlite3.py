"""The C library over ctypes, beside Python's own sqlite3 on the same file: in turn, and at the same time.

beside_sqlite3.py LIBRARY ORIGIN FOLDER SECONDS

ORIGIN is a test registry with 300 skills, under the path /functions/v1. The declarations are those of the example,
bindings/c/examples/sync.py, which is tested by that, too.
"""

import contextlib
import ctypes
import os
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from ctypes import POINTER, byref, c_char_p, c_int32, c_int64, c_size_t, c_uint64, c_void_p

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../../bindings/c/examples"))
import sync as example  # noqa: E402


class RunResult(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("skills_added", c_uint64),
        ("skills_updated", c_uint64),
        ("skills_unchanged", c_uint64),
    ]


# Besides those of the example.
example.FUNCTIONS.update(
    {
        "sync_history_repository_new": (c_int32, c_void_p, POINTER(c_void_p), POINTER(c_void_p)),
        "sync_history_repository_free": (c_int32, c_void_p),
        "sync_history_repository_start_run": (c_int32, c_void_p, POINTER(c_void_p), POINTER(c_void_p)),
        "sync_history_repository_complete_run": (c_int32, c_void_p, c_char_p, POINTER(RunResult), POINTER(c_void_p)),
        "sync_history_repository_count": (c_int32, c_void_p, POINTER(c_int64), POINTER(c_void_p)),
        "string_free": (c_int32, c_void_p),
    }
)


def same(found, wanted, what):
    if found != wanted:
        raise AssertionError(f"{what}: {found}, not {wanted}")


class Ours:
    """The library with a database, an engine and a history."""

    def __init__(self, library, path, url):
        self.library = library
        self.database, self.client, self.engine, self.history = c_void_p(), c_void_p(), c_void_p(), c_void_p()
        self._call("database_open", path.encode(), None, byref(self.database))
        options = example.ClientOptions(struct_size=ctypes.sizeof(example.ClientOptions), base_url=url.encode())
        self._call("api_client_new", byref(options), byref(self.client))
        self._call("sync_engine_new", self.client, self.database, byref(self.engine))
        self._call("sync_history_repository_new", self.database, byref(self.history))

    def _call(self, name, *arguments):
        example.call(self.library, getattr(self.library, name), *arguments)

    def sync(self, on_progress=None, **options):
        """How many are new, changed and the same. The run has to be a success."""
        result = example.sync(self.library, self.engine, on_progress, **options)
        found = result.contents
        errors = [str(text) for text in found.errors[: found.error_count]]
        same((found.success, errors), (True, []), "sync")
        numbers = found.skills_added, found.skills_updated, found.skills_unchanged
        self.library.sync_result_free(result)
        return numbers

    def write(self):
        """Two commits."""
        run = c_void_p()
        self._call("sync_history_repository_start_run", self.history, byref(run))
        numbers = RunResult(struct_size=ctypes.sizeof(RunResult))
        self._call("sync_history_repository_complete_run", self.history, ctypes.string_at(run.value), byref(numbers))
        self.library.string_free(run)

    def runs(self):
        count = c_int64()
        self._call("sync_history_repository_count", self.history, byref(count))
        return count.value

    def close(self):
        for name, handle in (
            ("sync_history_repository_free", self.history),
            ("sync_engine_free", self.engine),
            ("api_client_free", self.client),
            ("database_free", self.database),
        ):
            getattr(self.library, name)(handle)


def connect(path):
    return sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)


def one(connection, sql, *values):
    return connection.execute(sql, values).fetchone()[0]


def add_own_skill(connection, name):
    """A skill of the user's own: its trigger writes the full-text index, as a sync does."""
    connection.execute("INSERT INTO skills (id, name, source) VALUES (?, ?, 'local')", (name, f"Ownword {name}"))


def control(origin, command):
    request = urllib.request.Request(f"{origin}/_control/{command}", data=b"", method="POST")
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
        answer.read()


def in_turn(ours, theirs, origin):
    theirs.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)")
    same(ours.sync(), (300, 0, 0), "first sync")
    same(one(theirs, "SELECT count(*) FROM skills"), 300, "skills that Python's sqlite3 sees")
    same(one(theirs, "SELECT count(*) FROM sync_history"), ours.runs(), "runs")
    add_own_skill(theirs, "own-first")
    control(origin, "change?count=25&seed=7")
    # Its transaction is open meanwhile: what it has read stays as it was.
    theirs.execute("BEGIN")
    before = one(theirs, "SELECT count(*) FROM sync_history")
    new, changed, _ = ours.sync(force=1)
    same((new, changed), (0, 25), "second sync")
    same(one(theirs, "SELECT count(*) FROM sync_history"), before, "runs inside a transaction")
    theirs.execute("COMMIT")
    same(one(theirs, "SELECT count(*) FROM sync_history"), ours.runs(), "runs after it")
    same(one(theirs, "SELECT count(*) FROM skills WHERE source = 'local'"), 1, "own skills")
    same(one(theirs, "SELECT count(*) FROM skills_fts WHERE skills_fts MATCH 'ownword'"), 1, "own skills in the index")
    # From inside a callback of the library's, it writes too.
    wrote = []

    def write(_):
        theirs.execute("INSERT INTO note (text) VALUES ('from a callback')")
        wrote.append(1)

    ours.sync(write, force=1)
    same(one(theirs, "SELECT count(*) FROM note"), len(wrote), "notes")
    theirs.execute("DELETE FROM note")


class Counted(threading.Thread):
    """Does something again and again; knows how often it has succeeded, and why it ended."""

    def __init__(self, act, stop):
        super().__init__()
        self.act, self.stop, self.done, self.error = act, stop, 0, None

    def run(self):
        try:
            while not self.stop.is_set():
                self.act(self.done)
                self.done += 1
        except BaseException as error:
            self.error = error


def at_the_same_time(ours, theirs, path, origin, seconds):
    before = one(theirs, "SELECT max(rowid) FROM sync_history")
    stop = threading.Event()

    def sync(round_):
        control(origin, f"change?count=20&seed={round_}")
        ours.sync(force=1, page_size=50)

    def take_notes(number):
        theirs.execute("BEGIN IMMEDIATE")
        theirs.execute("INSERT INTO note (text) VALUES (?)", (f"note {number}",))
        theirs.execute("COMMIT")

    with contextlib.closing(connect(path)) as second:
        actors = {
            "sync": Counted(sync, stop),
            "write": Counted(lambda _: ours.write(), stop),
            "note": Counted(take_notes, stop),
            "skill": Counted(lambda number: add_own_skill(second, f"own-{number}"), stop),
        }
        for actor in actors.values():
            actor.start()
        end = time.monotonic() + seconds
        # On a slow machine it takes longer until each has come to its turn.
        while time.monotonic() < end + 120:
            idle = [name for name, actor in actors.items() if actor.done < 3 and actor.error is None]
            if time.monotonic() > end and not idle:
                break
            time.sleep(0.05)
        stop.set()
        for name, actor in actors.items():
            actor.join()
            if actor.error is not None:
                raise AssertionError(name) from actor.error
            if actor.done < 3:
                raise AssertionError(f"{name} was shut out: {actor.done}")
    done = {name: actor.done for name, actor in actors.items()}
    same(one(theirs, "SELECT count(*) FROM note"), done["note"], "notes")
    same(one(theirs, "SELECT count(*) FROM skills"), 300 + 1 + done["skill"], "skills")
    # Each has its entry. A sync removes the oldest ones beyond 1,000, which a fast machine reaches.
    runs = before + done["sync"] + done["write"]
    same(one(theirs, "SELECT max(rowid) FROM sync_history"), runs, "runs ever")
    kept = one(theirs, "SELECT count(*) FROM sync_history")
    assert min(runs, 1000) <= kept <= runs, f"{kept} of {runs} runs kept"
    same(ours.runs(), kept, "runs, as the library sees them")
    return done


def is_sound(connection):
    same(connection.execute("PRAGMA integrity_check").fetchall(), [("ok",)], "integrity")
    connection.execute("INSERT INTO skills_fts (skills_fts, rank) VALUES ('integrity-check', 1)")


def main():
    library_path, origin, folder, seconds = sys.argv[1:]
    path = os.path.join(folder, "skills.db")
    library = example.load(library_path)
    ours = Ours(library, path, f"{origin}/functions/v1")
    theirs = connect(path)
    in_turn(ours, theirs, origin)
    done = at_the_same_time(ours, theirs, path, origin, float(seconds))
    is_sound(theirs)
    # The library goes first, and Python's connection has lost nothing by that.
    ours.close()
    same(library.live_objects(), 0, "what is not freed")
    add_own_skill(theirs, "own-last")
    same(one(theirs, "SELECT count(*) FROM skills"), 302 + done["skill"], "skills in the end")
    is_sound(theirs)
    theirs.close()
    # A process that had no part in it finds the same.
    script = "import sqlite3, sys; sys.path.insert(0, sys.argv[1]); import beside_sqlite3 as this\n" \
        "connection = this.connect(sys.argv[2]); this.is_sound(connection)\n" \
        "print(this.one(connection, 'SELECT count(*) FROM skills'))"
    found = subprocess.run([sys.executable, "-Bc", script, HERE, path], check=True, capture_output=True, text=True)
    same(int(found.stdout), 302 + done["skill"], "skills that another process sees")
    print(done)


if __name__ == "__main__":
    main()
