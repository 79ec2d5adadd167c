"""Reads paths of database files from standard input; for each prints the result of
integrity_check and the digest of the contents, separated by a tab."""

import sqlite3
import sys

from dump import dump_sha

for line in sys.stdin:
    connection = sqlite3.connect(line.rstrip("\n"), isolation_level=None)
    try:
        result = connection.execute("PRAGMA integrity_check").fetchall()
        text = "; ".join(row[0] for row in result)
        print(text.replace("\t", " ").replace("\n", " "), dump_sha(connection), sep="\t", flush=True)
    except sqlite3.Error as e:
        print("error: %s" % e, "-", sep="\t", flush=True)
    finally:
        connection.close()
