"""A seeded workload on a primary, in several databases, for readers on replicas to check.

    replica_workload.py SEED DIRECTORY MODE,MODE,... calm|wild

Each line on standard input is a number of steps; "done N" answers when they are committed, N is the
number of transactions of each database. In each database, table tx has one row: the number of the
transaction, and a checksum of all that a reader can see (see replica_state.py). With "calm" nothing
happens that makes connections on replicas fail: no page size changes, no database ends.
"""

import os
import random
import sqlite3
import sys

from replica_state import checksum

seed, directory, modes, wild = int(sys.argv[1]), sys.argv[2], sys.argv[3].split(","), sys.argv[4] == "wild"
rng = random.Random(seed)
NAMES = ["a.db", "b.db", "sub/c.db"]
PAGE_SIZES = [512, 1024, 4096, 4096, 8192, 65536]


class Base:
    def __init__(self, name):
        self.path = os.path.join(directory, name)
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        self.number = 0
        self.connection = None
        if os.path.exists(self.path):
            self.open()
            self.number = self.connection.execute("SELECT n FROM tx").fetchone()[0]
            self.mode = self.connection.execute("PRAGMA journal_mode").fetchone()[0]
        else:
            self.create()

    def open(self):
        if self.connection is None:
            self.connection = sqlite3.connect(self.path, isolation_level=None, timeout=20)
        return self.connection

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def create(self):
        c = self.open()
        c.execute("PRAGMA page_size=%d" % (rng.choice(PAGE_SIZES) if wild else 4096))
        self.switch(rng.choice([m for m in modes if m not in ("off",)]))
        c.execute("BEGIN IMMEDIATE")
        c.execute("CREATE TABLE tx(id INTEGER PRIMARY KEY, n INTEGER, sum INTEGER)")
        c.execute("INSERT INTO tx VALUES(1, ?, 0)", (self.number,))
        c.execute("CREATE TABLE account(id INTEGER PRIMARY KEY, amount INTEGER)")
        c.executemany("INSERT INTO account VALUES(?, 100)", [(i,) for i in range(50)])
        c.execute("CREATE TABLE entry(id INTEGER PRIMARY KEY, n INTEGER, k INTEGER, v BLOB)")
        c.execute("CREATE INDEX entry_k ON entry(k)")
        self.seal()
        c.execute("COMMIT")

    def switch(self, mode):
        # The read first: SQLite 3.40.1 keeps pages that others have changed in WAL mode otherwise.
        self.open().execute("SELECT count(*) FROM sqlite_master").fetchone()
        self.mode = self.connection.execute("PRAGMA journal_mode=" + mode).fetchone()[0]

    def seal(self, schema="main"):
        """The last statements of a transaction: its number and the checksum of everything."""
        c = self.connection if schema == "main" else None
        seal(c, schema, self)

    def change(self):
        change(self.connection, "main", self.number + 1)


def seal(c, schema, base):
    base.number += 1
    c.execute("UPDATE %s.tx SET n = ?" % schema, (base.number,))
    c.execute("UPDATE %s.tx SET sum = ?" % schema, (checksum(c, schema),))


def change(c, schema, number, count=None, size=None):
    for _ in range(rng.randint(1, 3)):
        one, other = rng.sample(range(50), 2)
        amount = rng.randint(1, 50)
        c.execute("UPDATE %s.account SET amount = amount - ? WHERE id = ?" % schema, (amount, one))
        c.execute("UPDATE %s.account SET amount = amount + ? WHERE id = ?" % schema, (amount, other))
    for _ in range(count or rng.choice([1, 2, 5, 20])):
        c.execute(
            "INSERT INTO %s.entry(n, k, v) VALUES(?, ?, ?)" % schema,
            (number, rng.randint(0, 10**6), rng.randbytes(size or rng.choice([10, 100, 900, 5000]))),
        )
    low = rng.randint(0, 10**6)
    kind = rng.random()
    if kind < 0.3:
        c.execute("DELETE FROM %s.entry WHERE k BETWEEN ? AND ?" % schema, (low, low + 10**5))
    elif kind < 0.6:
        c.execute(
            "UPDATE %s.entry SET v = ? WHERE k BETWEEN ? AND ?" % schema,
            (rng.randbytes(300), low, low + 10**5),
        )


def transaction(base):
    base.open().execute("BEGIN IMMEDIATE")
    base.change()
    base.seal()
    base.connection.execute("COMMIT")


def rolled_back(base):
    if base.mode == "off":
        return transaction(base)
    before = base.number
    base.open().execute("BEGIN IMMEDIATE")
    base.change()
    base.seal()
    base.connection.execute("ROLLBACK")
    base.number = before


def spilled(base):
    c = base.open()
    c.execute("PRAGMA cache_size=5")
    c.execute("BEGIN IMMEDIATE")
    change(c, "main", base.number + 1, 30, 4000)
    c.execute("UPDATE entry SET k = k + 1")
    before = base.number
    base.seal()
    # A rollback in mode memory leaves free pages that no journal tells apart.
    if base.mode not in ("off", "memory") and rng.random() < 0.4:
        c.execute("ROLLBACK")
        base.number = before
    else:
        c.execute("COMMIT")
    c.execute("PRAGMA cache_size=-2000")


def schema_change(base):
    c = base.open()
    c.execute("BEGIN IMMEDIATE")
    number = rng.randint(1, 6)
    found = c.execute("SELECT 1 FROM sqlite_master WHERE name = ?", ("extra%d" % number,)).fetchone()
    if found:
        c.execute("DROP TABLE extra%d" % number)
    else:
        c.execute("CREATE TABLE extra%d(x, y)" % number)
        c.execute("INSERT INTO extra%d SELECT k, n FROM entry LIMIT 30" % number)
        c.execute("CREATE INDEX extra%d_x ON extra%d(x)" % (number, number))
    base.seal()
    c.execute("COMMIT")


def shrink(base):
    c = base.open()
    c.execute("BEGIN IMMEDIATE")
    c.execute("DELETE FROM entry WHERE id % 3 <> 0 OR n < ?", (base.number - 100,))
    base.seal()
    c.execute("COMMIT")


def vacuum(base):
    # The schema is written in full, so that a page size change shows readers a new image.
    c = base.open()
    if wild and base.mode != "wal":
        c.execute("PRAGMA page_size=%d" % rng.choice(PAGE_SIZES))
    c.execute("VACUUM")


def switch_mode(base):
    base.close()
    base.switch(rng.choice(modes))


def reopen(base):
    mode = base.mode
    base.close()
    base.switch(mode)


def checkpoint(base):
    if base.mode == "wal":
        kind = rng.choice(["PASSIVE", "FULL", "RESTART", "TRUNCATE"])
        base.open().execute("PRAGMA wal_checkpoint(%s)" % kind).fetchall()
    else:
        transaction(base)


def recreate(base):
    if not wild:
        return transaction(base)
    base.close()
    os.unlink(base.path)
    base.create()


def attached(base):
    other = rng.choice([b for b in bases if b is not base])
    if "off" in (base.mode, other.mode):
        return transaction(base)
    c = base.open()
    c.execute("ATTACH ? AS other", (other.path,))
    if other.mode != "wal":
        c.execute("PRAGMA other.journal_mode=" + other.mode).fetchone()
    numbers = base.number, other.number
    c.execute("BEGIN IMMEDIATE")
    change(c, "main", base.number + 1)
    change(c, "other", other.number + 1)
    seal(c, "main", base)
    seal(c, "other", other)
    if rng.random() < 0.2 and "memory" not in (base.mode, other.mode):
        c.execute("ROLLBACK")
        base.number, other.number = numbers
    else:
        c.execute("COMMIT")
    c.execute("DETACH other")


KINDS = [
    (transaction, 40),
    (rolled_back, 6),
    (spilled, 5),
    (schema_change, 8),
    (shrink, 4),
    (vacuum, 3),
    (switch_mode, 5),
    (reopen, 3),
    (checkpoint, 5),
    (recreate, 1),
    (attached, 8),
]

bases = [Base(name) for name in NAMES]
print("ready", flush=True)
for line in sys.stdin:
    for step in range(int(line)):
        kind = rng.choices([k for k, _ in KINDS], [w for _, w in KINDS])[0]
        base = rng.choice(bases)
        try:
            kind(base)
        except sqlite3.Error as e:
            print("failed: %s of %s in mode %s: %s" % (kind.__name__, base.path, base.mode, e), flush=True)
            sys.exit(1)
    print("done " + " ".join(str(b.number) for b in bases), flush=True)
