"""Three writers and two readers as separate processes on one database.

    many_processes.py DATABASE JOURNAL_MODE TRANSACTIONS_PER_WRITER
    many_processes.py --writer|--reader DATABASE NUMBER COUNT     (internal)

Each transaction adds three rows; readers check that they never see a number of rows that is not a
multiple of three, nor fewer rows than before.
"""

import sqlite3
import subprocess
import sys


def connect(path):
    return sqlite3.connect(path, isolation_level=None, timeout=60)


def write(path, writer, count):
    connection = connect(path)
    for i in range(count):
        connection.execute("BEGIN IMMEDIATE")
        for part in range(3):
            connection.execute(
                "INSERT INTO t VALUES(?, ?, ?, ?)", (writer, i, part, b"x" * (37 * i % 700))
            )
        connection.execute("COMMIT")


def read(path, transactions):
    connection = connect(path)
    seen = 0
    while seen < transactions * 3:
        now = connection.execute("SELECT count(*) FROM t").fetchone()[0]
        assert now % 3 == 0, "%d rows: half a transaction" % now
        assert now >= seen, "%d rows after %d" % (now, seen)
        seen = now


if sys.argv[1] == "--writer":
    write(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
elif sys.argv[1] == "--reader":
    read(sys.argv[2], int(sys.argv[4]))
else:
    database, mode, count = sys.argv[1], sys.argv[2], sys.argv[3]
    connection = connect(database)
    assert connection.execute("PRAGMA journal_mode=" + mode).fetchone()[0] == mode.lower()
    connection.execute("CREATE TABLE t(writer, i, part, filler, PRIMARY KEY(writer, i, part))")
    connection.close()
    roles = [("--writer", i, count) for i in range(3)]
    roles += [("--reader", i, str(3 * int(count))) for i in range(2)]
    processes = [
        subprocess.Popen([sys.executable, __file__, role, database, str(number), argument])
        for role, number, argument in roles
    ]
    failed = [process.args for process in processes if process.wait() != 0]
    assert not failed, failed
