"""Everybody writes at once: the host, two connections of ours and another process."""

import os
import threading
import time

from harness import Busy, Failed, check, same
from outsider import PAUSE, Writer


class OurWriter(Writer):
    """The same transaction through our connection."""

    def __init__(self, rig, name, reopen, done=lambda: None):
        super().__init__(rig.path, name, reopen, done)
        self.rig, self.failure = rig, None
        self.statement = ";".join(self.statements)

    def run(self, seconds):
        end = time.monotonic() + seconds
        try:
            while self.goes_on(end):
                try:
                    self.step()
                except Busy:
                    self.roll_back()
            if self.connection:
                self.connection.close()
        except Failed as error:
            self.failure = error
        return self.acknowledged

    def roll_back(self):
        """Busy at BEGIN leaves no transaction, busy at COMMIT leaves one."""
        if self.connection:
            try:
                self.connection.exec("ROLLBACK")
            except Failed as error:
                if "no transaction is active" not in str(error):
                    raise

    def step(self):
        if self.connection is None:
            self.connection = self.rig.ours(busy=10_000)
        self.connection.exec(self.statement)
        self.acknowledged += 1
        self.done()
        if self.reopen and self.acknowledged % self.reopen == 0:
            if self.acknowledged % (3 * self.reopen) == 0:
                self.connection.exec("PRAGMA wal_checkpoint(TRUNCATE)")
            self.connection.close()
            self.connection = None
        time.sleep(PAUSE)


def together(rig, reopen):
    outsider = rig.outsider()
    outsider.close()
    ours = [OurWriter(rig, f"ours-{i}", reopen[f"ours-{i}"]) for i in (1, 2)]
    threads = [threading.Thread(target=writer.run, args=(rig.seconds,)) for writer in ours]
    host = Writer(rig.path, "host", reopen["host"])
    outsider.send(f"write outsider {rig.seconds} {reopen['outsider']} {rig.path}")
    for thread in threads:
        thread.start()
    failure = None
    try:
        host.run(rig.seconds)
    except Exception as error:  # The others have to end first.
        failure = error
    for thread in threads:
        thread.join()
    acknowledged = {"host": host.acknowledged, **{w.name: w.acknowledged for w in ours}}
    acknowledged["outsider"] = int(outsider.answer())
    check(failure is None, f"the host failed: {failure}")
    for writer in ours:
        check(writer.failure is None, f"{writer.name} failed: {writer.failure}")
    outsider.end()
    settle(rig, acknowledged)


def settle(rig, acknowledged):
    fresh = rig.outsider(busy=5000)
    for name, count in acknowledged.items():
        same(fresh.int(f"SELECT n FROM counter WHERE name = '{name}'"), count, f"updates of {name}")
        same(fresh.int(f"SELECT count(*) FROM entry WHERE writer = '{name}'"), count, f"rows of {name}")
        check(count > 0, f"{name} never got its turn")
    total = sum(acknowledged.values())
    same(fresh.int("SELECT n FROM counter WHERE name = 'all'"), total, "updates of all")
    fresh.close()
    fresh.end()
    rig.sound(total)
    print(acknowledged)


def load(rig):
    """The host and one of ours stay, the other of ours comes and goes."""
    together(rig, {"host": 0, "ours-1": 0, "ours-2": 10, "outsider": 0})


def churn(rig):
    """Everybody comes and goes, so that -wal and -shm are taken away and made anew."""
    together(rig, {"host": 2, "ours-1": 1, "ours-2": 3, "outsider": 2})


def victim(rig):
    """Writes until it is killed, with one byte in `acknowledged-NAME` for every commit."""

    def mark(name):
        file = os.open(
            os.path.join(rig.folder, f"acknowledged-{name}"),
            os.O_WRONLY | os.O_CREAT | os.O_APPEND,
        )
        return lambda: os.write(file, b".")

    ours = [
        OurWriter(rig, "ours-1", 0, mark("ours-1")),
        OurWriter(rig, "ours-2", 7, mark("ours-2")),
    ]
    threads = [threading.Thread(target=writer.run, args=(rig.seconds,)) for writer in ours]
    for thread in threads:
        thread.start()
    print("ready", flush=True)
    Writer(rig.path, "host", 0, mark("host")).run(rig.seconds)
    for thread, writer in zip(threads, ours):
        thread.join()
        check(writer.failure is None, f"{writer.name} failed: {writer.failure}")
