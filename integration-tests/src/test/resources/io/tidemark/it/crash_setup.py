"""Creates the database (or two, for ATTACH) that the crash workers write.

    crash_setup.py JOURNAL_MODE DATABASE [DATABASE]
"""

import sqlite3
import sys

mode, paths = sys.argv[1], sys.argv[2:]
for path in paths:
    connection = sqlite3.connect(path, isolation_level=None, timeout=30)
    got = connection.execute("PRAGMA journal_mode=" + mode).fetchone()[0]
    assert got == mode.lower(), got
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(
        "CREATE TABLE part(worker INTEGER, seq INTEGER, part INTEGER, parts INTEGER, payload BLOB,"
        " PRIMARY KEY(worker, seq, part))"
    )
    connection.execute("CREATE TABLE account(id INTEGER PRIMARY KEY, amount INTEGER NOT NULL)")
    connection.executemany("INSERT INTO account VALUES(?, 1000)", [(i,) for i in range(20)])
    connection.execute("CREATE TABLE last(worker INTEGER PRIMARY KEY, seq INTEGER NOT NULL)")
    connection.execute("COMMIT")
    connection.close()
