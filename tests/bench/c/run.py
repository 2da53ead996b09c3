#!/usr/bin/env python3
"""What the C border adds to the core: tests/bench/c/run.py [SKILLS [PAIRS]]

First syncs of SKILLS skills (100,000) into new files, by a C program through the shared library and by the command line,
which is the Rust core in a process of its own: PAIRS (7) of each, in turn, from one registry on loopback. Prints the
processor time of each, and the ratio. With `--instructions` both run once under callgrind, which counts instructions:
the same number in every run, whatever else the machine does, but for what threads wait for each other.
"""
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def built(scratch):
    """The two programs and the registry, all as they are published."""
    prefix = scratch / "prefix"
    quiet = {"cwd": ROOT, "check": True, "stdout": subprocess.DEVNULL}
    subprocess.run(["bindings/c/build", prefix], **quiet)
    subprocess.run(["cargo", "build", "--quiet", "--release", "--features", "cli", "--bin", "skillsmith"], **quiet)
    subprocess.run(["cargo", "build", "--quiet", "--release", "--package", "skillsmith-test-registry"], **quiet)
    program = scratch / "sync"
    source = ROOT / "tests/bench/c/sync.c"
    library = prefix / "lib"
    subprocess.run(
        ["gcc", "-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", f"-I{prefix}/include", source, "-o", program,
         f"-L{library}", f"-Wl,-rpath,{library}", "-lskillsmith_sync"], **quiet)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
    return program, target / "skillsmith", target / "skillsmith-registry"


def cost(command, environment):
    """Seconds of processor time and of the clock."""
    begun = time.monotonic()
    child = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        sys.exit(f"{command} failed with status {status}")
    return usage.ru_utime + usage.ru_stime, time.monotonic() - begun


def instructions(command, environment, scratch):
    log = scratch / "callgrind.log"
    subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", f"--log-file={log}", *command],
                   env=environment, check=True, stdout=subprocess.DEVNULL)
    return int(re.search(r"Collected : (\d+)", log.read_text()).group(1))


def main():
    counted = "--instructions" in sys.argv
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdigit()]
    skills = numbers[0] if numbers else 100_000
    pairs = numbers[1] if len(numbers) > 1 else 7
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        program, cli, registry = built(scratch)
        server = subprocess.Popen([registry, "--skills", str(skills), "--until-stdin-closes"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        url = server.stdout.readline().split()[-1]
        environment = {"PATH": os.environ["PATH"], "HOME": folder, "SKILLSMITH_API_URL": url}
        number = 0

        def commands():
            nonlocal number
            number += 1
            return {
                "C": [program, url, scratch / f"c{number}.db"],
                "core": [cli, "--db", scratch / f"core{number}.db", "--quiet", "sync"],
            }

        try:
            if counted:
                counts = {who: instructions(command, environment, scratch) for who, command in commands().items()}
                print(f"{skills:,} skills: C {counts['C']:,} instructions, core {counts['core']:,}; "
                      f"ratio {counts['C'] / counts['core']:.4f}")
                return
            costs = {"C": [], "core": []}
            for _ in range(pairs):
                for who, command in commands().items():
                    costs[who].append(cost(command, environment))
                    for left in scratch.glob("*.db*"):
                        left.unlink()
            for at, what in enumerate(["processor", "clock"]):
                c, core = ([one[at] for one in costs[who]] for who in ["C", "core"])
                print(f"{skills:,} skills, {what}: C {statistics.median(c):.2f} s (least {min(c):.2f}), "
                      f"core {statistics.median(core):.2f} s (least {min(core):.2f}); ratio of the medians "
                      f"{statistics.median(c) / statistics.median(core):.3f}, of the least {min(c) / min(core):.3f}")
        finally:
            server.stdin.close()
            server.wait()


main()
