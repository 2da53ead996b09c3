#!/usr/bin/env python3
"""The measurements and the arithmetic behind docs/protocol.md.

    python3 docs/protocol-numbers.py HISTORY.jsonl

HISTORY is a registry's history, one event a line:
{"at": …, "op": "upsert", "skill": {…}} or {"at": …, "op": "delete", "id": …}.
"""

import datetime
import gzip
import hashlib
import json
import sys

PAGE = 100
FIELDS = ["id", "name", "description", "author", "repo_url", "quality_score", "trust_tier", "tags"]

# Assumptions of the page; change them here.
CATALOGUE = 100_000
CLIENTS = 1_000_000
ONLINE = 500_000  # clients that sync on a day, once each
FIRST = 10_000  # of these, first syncs
GAP_DAYS = 2  # days since the last sync of a client
WHOLE_EVERY = 30  # days between whole listings
DELTAS = 30  # versions for which a delta is kept, one a day
HEADERS = 500  # bytes of an answer's headers


def row(skill):
    """A row of the sync endpoint. The hash is as long as a real one, and as hard to compress."""
    served = {name: skill.get(name) for name in FIELDS}
    served["quarantined"] = False
    served["created_at"] = skill.get("created_at")
    served["updated_at"] = skill.get("updated_at")
    seed = f"{skill['id']} {skill.get('updated_at')}"
    served["content_hash"] = hashlib.sha256(seed.encode()).hexdigest()
    return json.dumps(served, ensure_ascii=False, separators=(",", ":")).encode()


def read(path):
    """The live skills at the end, and for each day: ids changed, ids deleted, live skills."""
    live, days = {}, {}
    with open(path, encoding="utf-8") as lines:
        for event in map(json.loads, lines):
            day = days.setdefault(event["at"][:10], [set(), set(), 0])
            if event["op"] == "upsert":
                live[event["skill"]["id"]] = event["skill"]
                day[0].add(event["skill"]["id"])
            else:
                live.pop(event["id"], None)
                day[1].add(event["id"])
            day[2] = len(live)
    return live, days


def rates(days, since=""):
    """Calendar days, those without any change, rows changed and deleted for each live row and day."""
    first, last = (datetime.date.fromisoformat(pick(days)) for pick in (min, max))
    total = quiet = rows = changed = deleted = live = 0
    for nth in range((last - first).days + 1):
        name = str(first + datetime.timedelta(nth))
        ups, downs, live = days.get(name, (set(), set(), live))
        if name < since:
            continue
        total += 1
        quiet += not (ups or downs)
        rows += live
        changed += len(ups)
        deleted += len(downs)
    return total, quiet, changed / rows, deleted / rows


def head():
    """A head document as the page proposes it, compact, with a signature of 64 bytes."""
    file = {"sha256": "0" * 64, "bytes": 10_000_000}
    deltas = {str(1_000 + nth): dict(file) for nth in range(DELTAS)}
    for nth, delta in enumerate([file, *deltas.values()]):
        delta["sha256"] = hashlib.sha256(str(nth).encode()).hexdigest()
    signed = {
        "version": 1_030,
        "expires": "2026-08-20T00:00:00Z",
        "count": CATALOGUE,
        "digest": hashlib.sha256(b"set").hexdigest(),
        "snapshot": file,
        "deltas": deltas,
    }
    signature = {"key": "0" * 64, "sig": hashlib.sha512(b"sig").hexdigest()}
    text = json.dumps({"signed": signed, "signatures": [signature]}, separators=(",", ":"))
    return len(gzip.compress(text.encode()))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    live, days = read(sys.argv[1])
    rows = [row(live[key]) for key in sorted(live)]
    pages = [b",".join(rows[at : at + PAGE]) for at in range(0, len(rows), PAGE)]
    plain = sum(map(len, rows)) / len(rows)
    paged = sum(len(gzip.compress(page, 6)) for page in pages) / len(rows)
    whole = len(gzip.compress(b"\n".join(rows), 6)) / len(rows)
    print(f"live rows {len(rows)}; bytes a row: plain {plain:.0f}, pages {paged:.0f}, snapshot {whole:.0f}")
    for since in ("", "2026-02-01"):
        total, quiet, changed, deleted = rates(days, since)
        print(
            f"since {since or 'the start'}: {total} days, {quiet} without a change; a day and row:"
            f" changed {changed:.4%}, deleted {deleted:.4%}"
        )
    _, _, changed, deleted = rates(days)

    news = round(CATALOGUE * changed) * GAP_DAYS
    gone = round(CATALOGUE * deleted) * GAP_DAYS
    listing = CATALOGUE // (PAGE - 1) + 3
    changes = news // (PAGE - 1) + 3
    wholes = CLIENTS // WHOLE_EVERY
    print(f"changed rows between two syncs {news}, deleted {gone}; requests: listing {listing}, changes {changes}")

    def table(title, lines):
        print(title)
        requests = size = 0
        for name, syncs, each, bytes_each in lines:
            requests += syncs * each
            size += syncs * bytes_each
            print(f"  {name:14} {syncs:>9,} × {each:>5} = {syncs * each:>12,}  {bytes_each:>12,.0f} B  {syncs * bytes_each / 1e12:.2f} TB")
        print(f"  total {requests:,} requests, {requests / 86_400:.0f} a second; {size / 1e12:.2f} TB")

    table(
        "today",
        [
            ("first", FIRST, listing, CATALOGUE * paged + listing * HEADERS),
            ("whole listing", wholes, listing, CATALOGUE * paged + listing * HEADERS),
            ("changes", ONLINE - FIRST - wholes, changes, news * paged + changes * HEADERS),
        ],
    )
    named = head()
    delta = news * paged + gone * 40
    print(f"head {named} bytes")
    table(
        "proposed",
        [
            ("first", FIRST, 2, CATALOGUE * whole + named + 2 * HEADERS),
            ("changes", ONLINE - FIRST, 2, delta + named + 2 * HEADERS),
        ],
    )
    each_day = delta / GAP_DAYS
    stored = sum(each_day * age for age in range(1, DELTAS + 1))
    print(f"files of one version: snapshot {CATALOGUE * whole / 1e6:.1f} MB, deltas {stored / 1e6:.1f} MB")


main()
