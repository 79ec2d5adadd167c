"""Writes one row after the other to a database of one node, whoever is primary, with a busy timeout.

    failover_writer.py DATABASE FILE FIRST_VALUE BUSY_SECONDS PAUSE_MILLISECONDS

Each write adds a line to FILE: "OUTCOME VALUE START END WORDS", where the times are those of
CLOCK_MONOTONIC in nanoseconds and the outcome is "ok" or "error". Values count up from FIRST_VALUE.
A database that is not there, because nothing is mounted, is never made. Ends with its input.
"""

import select
import sqlite3
import sys
import time

path, file, value, busy, pause = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5])
out = open(file, "a", buffering=1)
connection = None
print("ready", flush=True)
while not select.select([0], [], [], pause / 1000)[0]:
    start = time.monotonic_ns()
    try:
        if connection is None:
            connection = sqlite3.connect(
                "file:%s?mode=rw" % path, uri=True, isolation_level=None, timeout=busy
            )
        connection.execute("INSERT INTO t(v) VALUES(?)", (value,))
        outcome, words = "ok", ""
    except sqlite3.Error as e:
        outcome, words = "error", "%s (%s)" % (e, getattr(e, "sqlite_errorname", "?"))
        # A connection to a mount that is gone stays broken.
        connection = None
        time.sleep(0.02)
    out.write("%s %d %d %d %s\n" % (outcome, value, start, time.monotonic_ns(), words))
    value += 1
if connection is not None:
    connection.close()
