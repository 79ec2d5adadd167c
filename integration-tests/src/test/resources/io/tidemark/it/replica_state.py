"""The checksum over all that a reader can see of a database of replica_workload.py."""

import zlib


def checksum(c, schema="main"):
    value = 0
    for row in c.execute("SELECT id, n FROM %s.tx" % schema):
        value = zlib.crc32(repr(row).encode(), value)
    for row in c.execute("SELECT id, amount FROM %s.account ORDER BY id" % schema):
        value = zlib.crc32(repr(row).encode(), value)
    tables = [
        row[0]
        for row in c.execute(
            "SELECT name FROM %s.sqlite_master WHERE type = 'table' AND name LIKE 'extra%%'"
            " ORDER BY name" % schema
        ).fetchall()
    ]
    for table in tables:
        value = zlib.crc32(table.encode(), value)
        for row in c.execute("SELECT x, y FROM %s.%s ORDER BY rowid" % (schema, table)):
            value = zlib.crc32(repr(row).encode(), value)
    for row in c.execute(
        "SELECT count(*), total(k), total(length(v)) FROM %s.entry" % schema
    ):
        value = zlib.crc32(repr(row).encode(), value)
    for row in c.execute("SELECT count(*), total(k) FROM %s.entry INDEXED BY entry_k" % schema):
        value = zlib.crc32(repr(row).encode(), value)
    return value
