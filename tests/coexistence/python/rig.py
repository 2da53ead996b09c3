"""Python's sqlite3 and our shared library in one process.

rig.py LIBRARY SCENARIO SECONDS wal|delete FOLDER: 0 the property holds, 1 it does not, 2 the rig is broken.
"""

import sys
import traceback

import files
import forks
import load
import locks
from harness import Busy, Failed, Rig, Violation

SCENARIOS = {
    act.__name__: act
    for act in (
        locks.idle,
        locks.reading,
        locks.host_writes,
        locks.we_write,
        locks.many,
        locks.twice,
        load.load,
        load.churn,
        load.victim,
        files.files,
        files.remade,
        files.read_only,
        files.links,
        files.guarded,
        files.bounded,
        files.unlinked,
        forks.fork_exit,
        forks.fork_close,
        forks.fork_open,
        forks.fork_use,
        forks.fork_orphan,
        forks.programs,
    )
}


def main():
    library, scenario, seconds, mode, folder = sys.argv[1:]
    rig = Rig(library, seconds, mode, folder)
    try:
        SCENARIOS[scenario](rig)
    except (Violation, Busy, Failed) as error:
        traceback.print_exc()
        print(f"VIOLATED {scenario} ({mode}): {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    try:
        status = main()
    except Exception:
        traceback.print_exc()
        status = 2
    sys.exit(status)
