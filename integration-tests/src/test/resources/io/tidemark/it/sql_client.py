"""Keeps one connection to a database; each line on standard input is SQL, answered by one line: its
rows, or "error: ..." with SQLite's message.

    sql_client.py DATABASE BUSY_TIMEOUT_SECONDS
"""

import sqlite3
import sys

connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=float(sys.argv[2]))
print("ready", flush=True)
for line in sys.stdin:
    try:
        rows = connection.execute(line).fetchall()
        print(", ".join("|".join(map(str, row)) for row in rows), flush=True)
    except sqlite3.Error as e:
        print("error: %s" % e, flush=True)
connection.close()
