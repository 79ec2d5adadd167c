"""Commits transactions until it is killed or the database fails, and says so after each COMMIT.

    crash_worker.py JOURNAL_MODE SYNCHRONOUS WORKER SEED DATABASE [DATABASE]

Prints "ACK seq" when COMMIT has returned, "END reason" when it cannot go on. Each transaction
writes several rows that say how many they are, moves an amount between two accounts, and notes its
number; with two databases it does the same in both. Some transactions are rolled back: their rows
carry a negative worker and must never be seen.
"""

import random
import sqlite3
import sys
import time

mode, synchronous, worker, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
paths = sys.argv[5:]
rng = random.Random(seed)


def transaction(connection, schemas, number, shown_worker):
    parts = rng.randint(1, 6)
    size = rng.choice([10, 100, 800, 5000]) if rng.random() < 0.98 else 120000
    one, other = rng.sample(range(20), 2)
    amount = rng.randint(1, 50)
    for schema in schemas:
        for part in range(parts):
            connection.execute(
                "INSERT INTO %s.part VALUES(?, ?, ?, ?, ?)" % schema,
                (shown_worker, number, part, parts, rng.randbytes(size)),
            )
        connection.execute(
            "UPDATE %s.account SET amount = amount - ? WHERE id = ?" % schema, (amount, one)
        )
        connection.execute(
            "UPDATE %s.account SET amount = amount + ? WHERE id = ?" % schema, (amount, other)
        )
        connection.execute("INSERT OR REPLACE INTO %s.last VALUES(?, ?)" % schema, (worker, number))
        if number % 10 == 0:
            # Old payloads go, so that a long campaign keeps small databases.
            connection.execute(
                "UPDATE %s.part SET payload = x'' WHERE worker = ? AND seq < ? AND payload <> x''"
                % schema,
                (worker, number - 20),
            )


def main():
    connection = sqlite3.connect(paths[0], isolation_level=None, timeout=60)
    schemas = ["main"]
    if len(paths) > 1:
        connection.execute("ATTACH ? AS other", (paths[1],))
        schemas.append("other")
    for schema in schemas:
        connection.execute("PRAGMA %s.journal_mode=%s" % (schema, mode)).fetchone()
        connection.execute("PRAGMA %s.synchronous=%s" % (schema, synchronous))
        if worker % 2 == 1:
            # A tiny cache spills pages of open transactions.
            connection.execute("PRAGMA %s.cache_size=5" % schema)
    row = connection.execute("SELECT seq FROM last WHERE worker = ?", (worker,)).fetchone()
    number = row[0] if row else 0
    print("READY %d" % number, flush=True)
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
            if rng.random() < 0.15:
                transaction(connection, schemas, number + 1, -1 - worker)
                connection.execute("ROLLBACK")
                continue
            transaction(connection, schemas, number + 1, worker)
            connection.execute("COMMIT")
        except sqlite3.OperationalError as e:
            if "locked" in str(e) or "busy" in str(e):
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                continue
            raise
        number += 1
        print("ACK %d" % number, flush=True)
        # Gives the other workers a chance at the lock.
        time.sleep(rng.random() * 0.003)


try:
    main()
except (sqlite3.Error, OSError) as e:
    print("END %s: %s" % (type(e).__name__, e), flush=True)
