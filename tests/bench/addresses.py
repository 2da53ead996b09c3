"""What addresses that nobody answers at cost, beside curl: whole processes, in turn, against one registry on loopback.

    cargo build --release --features cli --bin skillsmith && cargo build --package skillsmith-test-registry
    python3 tests/bench/addresses.py

The registry has a name with one address that answers, and none, one or two before it that do not: listening sockets whose
queue is full, so that the system drops what comes. The name stands in an /etc/hosts of this process's own mount namespace
(`unshare`, where the user may make one). Linux, curl.
"""

import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

NAME = "registry.test"
ROUNDS = 5
INSIDE = "SKILLSMITH_BENCH_INSIDE"
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def fill(address, port):
    """A socket that listens and takes nobody, and those that wait for it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(0)
    waiting = []
    for _ in range(4):
        client = socket.socket(family, socket.SOCK_STREAM)
        client.setblocking(False)
        client.connect_ex((address, port))
        waiting.append(client)
    time.sleep(0.2)
    return [listener, *waiting]


def took(command, environment):
    start = time.monotonic()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - start


def measure(program, registry, folder):
    port_file = os.path.join(folder, "port")
    server = subprocess.Popen(
        [registry, "--skills", "20", "--port-file", port_file, "--until-stdin-closes"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    while not (os.path.exists(port_file) and open(port_file).read().strip()):
        time.sleep(0.01)
    port = int(open(port_file).read())
    base = f"http://{NAME}:{port}/functions/v1"
    environment = {
        **{name: value for name, value in os.environ.items() if "proxy" not in name.lower()},
        "HOME": folder,
        "SKILLSMITH_API_URL": base,
    }
    print(f"{'addresses that do not answer':30} {'curl, a request':>18} {'skillsmith, a sync':>20}")
    for dead in ([], ["::1"], ["::1", "127.0.0.2"]):
        with open("/etc/hosts", "w") as hosts:
            hosts.writelines(f"{address} {NAME}\n" for address in [*dead, "127.0.0.1"])
        sockets = [fill(address, port) for address in dead]
        times = {"curl": [], "skillsmith": []}
        for number in range(ROUNDS):
            times["curl"].append(took(["curl", "-sSf", "-o", "/dev/null", f"{base}/skills-search?query=git"], environment))
            database = os.path.join(folder, f"{len(dead)}-{number}.db")
            times["skillsmith"].append(took([program, "sync", "--quiet", "--db", database], environment))
        for group in sockets:
            for one in group:
                one.close()
        curl, ours = (statistics.median(times[who]) for who in ("curl", "skillsmith"))
        print(f"{', '.join(dead) or 'none':30} {curl:16.3f} s {ours:18.3f} s")
    server.stdin.close()
    server.wait()


def main():
    program, registry = (
        os.path.abspath(sys.argv[at]) if len(sys.argv) > at else os.path.join(ROOT, "target", built)
        for at, built in ((1, "release/skillsmith"), (2, "debug/skillsmith-registry"))
    )
    for tool in (program, registry, shutil.which("curl"), shutil.which("unshare")):
        if not tool or not os.path.exists(tool):
            sys.exit(f"Not found: {tool or 'curl and unshare'}. The first lines of this file say how to build what it needs.")
    if INSIDE not in os.environ:
        own = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
        command = [*own, sys.executable, os.path.abspath(__file__), program, registry]
        sys.exit(subprocess.run(command, env={**os.environ, INSIDE: "1"}).returncode)
    with tempfile.TemporaryDirectory() as folder:
        hosts = os.path.join(folder, "hosts")
        open(hosts, "w").close()
        subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True)
        measure(program, registry, folder)
        subprocess.run(["umount", "/etc/hosts"], check=True)


main()
