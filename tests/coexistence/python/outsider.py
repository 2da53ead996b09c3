"""The third process: a plain SQLite client that does what it is told, a line at a time.

`open MS PATH`, `close`, `exec SQL`, `int SQL`, `text SQL` and `write NAME SECONDS REOPEN PATH`; the answer
is a line too: `ok`, `busy`, `value …` or `error …`.
"""

import sqlite3
import sys
import time

# One transaction of a writer: its own count, everybody's count, and a row of varying size.
WRITE = (
    "UPDATE counter SET n = n + 1 WHERE name IN ('all', '{0}')",
    "INSERT INTO entry (writer, n, filler) "
    "SELECT name, n, hex(zeroblob(abs(random()) % 500)) FROM counter WHERE name = '{0}'",
)

# After each commit, or the others sleep in their busy handlers while one of them hogs the lock.
PAUSE = 0.001

# SQLite's waiting is not fair: who had no turn in time goes on for so many seconds.
GRACE = 30


def is_busy(error):
    return isinstance(error, sqlite3.OperationalError) and "locked" in str(error)


class Writer:
    """Commits as often as it can. `done` is called after each commit."""

    def __init__(self, path, name, reopen, done=lambda: None):
        self.path, self.name, self.reopen, self.done = path, name, reopen, done
        self.statements = ("BEGIN IMMEDIATE", *(text.format(name) for text in WRITE), "COMMIT")
        self.acknowledged = 0
        self.connection = None

    def run(self, seconds):
        end = time.monotonic() + seconds
        while self.goes_on(end):
            try:
                self.step()
            except sqlite3.OperationalError as error:
                if not is_busy(error):
                    raise
                if self.connection and self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
        if self.connection:
            self.connection.close()
        return self.acknowledged

    def goes_on(self, end):
        now = time.monotonic()
        return now < end or (self.acknowledged == 0 and now < end + GRACE)

    def step(self):
        if self.connection is None:
            self.connection = sqlite3.connect(self.path, timeout=10, isolation_level=None)
        for statement in self.statements:
            self.connection.execute(statement)
        self.acknowledged += 1
        self.done()
        if self.reopen and self.acknowledged % self.reopen == 0:
            self.connection.close()
            self.connection = None
        time.sleep(PAUSE)


def obey(state, line):
    order, _, rest = line.partition(" ")
    if order == "open":
        busy, _, path = rest.partition(" ")
        state["connection"] = sqlite3.connect(path, timeout=int(busy) / 1000, isolation_level=None)
        return "ok"
    if order == "close":
        state.pop("connection").close()
        return "ok"
    if order == "write":
        name, seconds, reopen, path = rest.split(" ", 3)
        return f"value {Writer(path, name, int(reopen)).run(float(seconds))}"
    cursor = state["connection"].execute(rest)
    if order == "exec":
        cursor.fetchall()
        return "ok"
    return f"value {cursor.fetchone()[0]}"


def main():
    state = {}
    for line in sys.stdin:
        try:
            answer = obey(state, line.rstrip("\n"))
        except Exception as error:  # Whatever it is, the rig that asked has to judge it.
            answer = "busy" if is_busy(error) else f"error {error}".replace("\n", " ")
        print(answer, flush=True)


if __name__ == "__main__":
    main()
