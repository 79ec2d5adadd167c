"""An ordinary use of Python's sqlite3 module.

    python_program.py DATABASE JOURNAL_MODE
"""

import sqlite3
import sys

connection = sqlite3.connect(sys.argv[1], timeout=30)
mode = connection.execute("PRAGMA journal_mode=" + sys.argv[2]).fetchone()[0]
assert mode == sys.argv[2].lower(), mode
connection.execute("CREATE TABLE note(id INTEGER PRIMARY KEY, body TEXT NOT NULL)")
connection.executemany("INSERT INTO note(body) VALUES(?)", [("note %d" % i,) for i in range(500)])
connection.commit()
with connection:
    connection.execute("UPDATE note SET body = body || '!' WHERE id % 2 = 0")
try:
    with connection:
        connection.execute("DELETE FROM note")
        connection.execute("INSERT INTO note VALUES(1, NULL)")
    raise AssertionError("NULL was accepted")
except sqlite3.IntegrityError:
    pass
blob = connection.execute("SELECT count(*) FROM note WHERE body LIKE '%!'").fetchone()[0]
assert blob == 250, blob
copy = sqlite3.connect(":memory:")
connection.backup(copy)
assert copy.execute("SELECT count(*) FROM note").fetchone()[0] == 500
connection.close()
