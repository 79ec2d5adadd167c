"""Commits one row after the other, at a steady pace, and knows how long each COMMIT took.

    steady_writer.py DATABASE JOURNAL_MODE BYTES PAUSE_MILLISECONDS

Each line on standard input is answered by "COMMITS LONGEST_MILLISECONDS": all commits so far, the
longest since the last line. At the end of the input the same, as the last line. A row is the number
of the commit and so many random bytes.
"""

import os
import random
import select
import sqlite3
import sys
import time

path, mode, size, pause = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]) / 1000
connection = sqlite3.connect(path, isolation_level=None, timeout=60)
connection.execute("PRAGMA journal_mode=" + mode)
connection.execute("CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, v BLOB)")
commits, longest = connection.execute("SELECT count(*) FROM t").fetchone()[0], 0.0


def answer():
    global longest
    print("%d %d" % (commits, longest * 1000), flush=True)
    longest = 0.0


print("ready", flush=True)
while True:
    if select.select([0], [], [], pause)[0]:
        asked = os.read(0, 4096)
        if not asked:
            break
        for _ in range(asked.count(b"\n")):
            answer()
    begun = time.monotonic()
    connection.execute("INSERT INTO t VALUES(?, ?)", (commits + 1, random.randbytes(size)))
    longest = max(longest, time.monotonic() - begun)
    commits += 1
connection.close()
answer()
