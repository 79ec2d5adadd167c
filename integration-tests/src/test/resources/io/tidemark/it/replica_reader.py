"""Reads databases of replica_workload.py on a replica until standard input ends.

    replica_reader.py SEED LONGEST_SECONDS DATABASE ...

Each read transaction must see one committed state: its checksum fits, it is not older than the one
before, and it stays the same as long as the transaction lasts. Prints "bad ..." and ends with 1
when one does not; else at the end "reads N, states N, errors {...}". Errors that a connection may
get when its database is replaced are counted, and the database is opened again.
"""

import collections
import os
import random
import select
import sqlite3
import sys
import time

from replica_state import checksum

seed, longest, maps, paths = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3] == "true", sys.argv[4:]
rng = random.Random(seed)
connections = {}
newest = collections.defaultdict(int)
errors = collections.Counter()
reads = states = 0
EXPECTED = ("disk I/O error", "unable to open", "no such table", "database is locked", "no such index")


def look(c):
    n, total = c.execute("SELECT n, sum FROM tx").fetchone()
    found = checksum(c)
    return n, total, found


def read(path):
    global reads, states
    c = connections.get(path)
    if c is None:
        if not os.path.exists(path):
            return
        # Read and write, as applications open it; nothing is written.
        c = sqlite3.connect("file:%s?mode=rw" % path, uri=True, isolation_level=None, timeout=20)
        connections[path] = c
        # A handle that is taken away fails; in a mapping that is SIGBUS, which no program survives.
        if maps and rng.random() < 0.3:
            c.execute("PRAGMA mmap_size=%d" % rng.choice([0, 1000000, 100000000]))
        if rng.random() < 0.3:
            c.execute("PRAGMA cache_size=10")
    c.execute("BEGIN")
    n, total, found = look(c)
    if total != found:
        bad(path, "torn: transaction %d has checksum %d, the pages %d" % (n, total, found))
    if n < newest[path]:
        bad(path, "goes back from %d to %d" % (newest[path], n))
    if rng.random() < 0.1:
        time.sleep(rng.random() * longest)
        again = look(c)
        if again != (n, total, found):
            bad(path, "changes within a transaction: %s, then %s" % ((n, total, found), again))
    if rng.random() < 0.05:
        result = c.execute("PRAGMA integrity_check").fetchall()
        if result != [("ok",)]:
            bad(path, "integrity_check: %s" % result)
    c.execute("COMMIT")
    reads += 1
    time.sleep(rng.random() * 0.01)
    states += n != newest[path]
    newest[path] = n
    if rng.random() < 0.05:
        connections.pop(path).close()


def bad(path, what):
    print("bad %s: %s" % (path, what), flush=True)
    sys.exit(1)


print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    path = rng.choice(paths)
    try:
        read(path)
    except sqlite3.Error as e:
        if not str(e).startswith(EXPECTED):
            bad(path, "%s: %s" % (type(e).__name__, e))
        errors[str(e)] += 1
        c = connections.pop(path, None)
        if c is not None:
            c.close()
        time.sleep(0.01)
print("reads %d, states %d, errors %s" % (reads, states, dict(errors)), flush=True)
for c in connections.values():
    c.close()
