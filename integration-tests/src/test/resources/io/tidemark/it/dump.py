"""What a database means, as one digest; shared by the drivers and the checker."""

import hashlib
import sqlite3


def dump_sha(connection, schema="main"):
    digest = hashlib.sha256()
    tables = []
    rows = connection.execute(
        "SELECT type, name, tbl_name, sql FROM %s.sqlite_master ORDER BY type, name" % schema
    )
    for row in rows.fetchall():
        digest.update(repr(row).encode())
        if row[0] == "table" and not row[1].startswith("sqlite_"):
            tables.append(row[1])
    for table in tables:
        digest.update(table.encode())
        columns, order = "rowid, *", "ORDER BY rowid"
        try:
            connection.execute('SELECT rowid FROM %s."%s" LIMIT 0' % (schema, table))
        except sqlite3.OperationalError:
            # WITHOUT ROWID: comes in the order of its primary key.
            columns, order = "*", ""
        for row in connection.execute(
            'SELECT %s FROM %s."%s" %s' % (columns, schema, table, order)
        ):
            digest.update(repr(row).encode())
    return digest.hexdigest()
