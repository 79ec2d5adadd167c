"""A seeded random workload over two databases, recorded step by step.

    random_workload.py SEED STEPS DIRECTORY RECORD [plain]
    random_workload.py --connection          (internal: one connection in a process of its own)

Several processes hold connections; one step runs at a time, so that what NAME-pos says after a step
belongs to that step. RECORD gets one line for each step, fields separated by tabs:

    step kind expectation outcome (before after digest) of a.db (before after digest) of b.db

where the expectation is "commit" (one transaction in each database that changed), "none" (no
database may get a transaction: rolled back, failed, or only read) or "any", before and after are
positions, and the digest is that of the contents after the step. The last line is "done".
"""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time

from dump import dump_sha

NAMES = ["a.db", "b.db"]


def serve():
    """One connection: reads requests as JSON lines, answers each with a JSON line."""
    connection = None
    for line in sys.stdin:
        request = json.loads(line)
        answer = {}
        try:
            if request["do"] == "open":
                connection = sqlite3.connect(request["path"], isolation_level=None, timeout=20)
            elif request["do"] == "close":
                connection.close()
                connection = None
            elif request["do"] == "digest":
                answer["digest"] = dump_sha(connection, request["schema"])
            else:
                for sql, arguments in request["sql"]:
                    values = [
                        bytes.fromhex(a["hex"]) if isinstance(a, dict) else a for a in arguments
                    ]
                    rows = connection.execute(sql, values).fetchall()
                    answer["rows"] = [[str(value) for value in row] for row in rows[:5]]
        except sqlite3.Error as e:
            answer["error"] = "%s: %s" % (type(e).__name__, e)
            if connection is not None and connection.in_transaction:
                connection.execute("ROLLBACK")
        print(json.dumps(answer), flush=True)


class Connection:
    def __init__(self, path):
        self.path = path
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), "--connection"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.attached = False
        self.is_open = False

    def ask(self, request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("a connection process died")
        return json.loads(line)

    def open(self):
        if not self.is_open:
            self.ask({"do": "open", "path": self.path})
            self.is_open = True

    def close(self):
        if self.is_open:
            self.ask({"do": "close"})
            self.is_open = False
            self.attached = False

    def run(self, *statements):
        """Runs statements, each text or (text, arguments...); stops at the first error."""
        self.open()
        sql = [[s, []] if isinstance(s, str) else [s[0], list(s[1:])] for s in statements]
        return self.ask({"do": "run", "sql": sql})

    def digest(self, schema):
        self.open()
        return self.ask({"do": "digest", "schema": schema})["digest"]

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.start()

    def end(self):
        self.close()
        self.process.stdin.close()
        self.process.wait(timeout=60)


class Workload:
    def __init__(self, seed, steps, directory, record, plain):
        self.rng = random.Random(seed)
        self.steps = steps
        self.directory = directory
        self.record = record
        self.plain = plain
        self.paths = [os.path.join(directory, name) for name in NAMES]
        self.connections = [Connection(self.paths[0]) for _ in range(3)]
        self.connections.append(Connection(self.paths[1]))
        self.mode = "delete"
        self.mode_b = "delete"
        self.exclusive = None
        self.last = [self.position(0), self.position(1)]
        self.digests = ["", ""]
        self.tables = 0
        self.reader = None

    # What the mount says.

    def position(self, index):
        if self.plain:
            return "-"
        try:
            with open(self.paths[index] + "-pos") as file:
                return file.read().strip()
        except FileNotFoundError:
            return "0" * 16 + "/" + "0" * 16

    def digest(self, index):
        if index == 0 and self.exclusive is not None:
            return self.exclusive.digest("main")
        if not os.path.exists(self.paths[index]):
            return ""
        connection = sqlite3.connect(self.paths[index], isolation_level=None, timeout=20)
        try:
            return dump_sha(connection)
        finally:
            connection.close()

    def note(self, step, kind, expectation, answer):
        outcome = answer.get("error", "ok").replace("\t", " ").replace("\n", " ")
        fields = [str(step), kind, expectation, outcome]
        for index in (0, 1):
            before = self.last[index]
            digest = self.digest(index)
            after = self.position(index)
            # With neither journal nor sync nothing marks the commit but the release of a lock,
            # which the mount may notice a little later.
            if digest != self.digests[index] and self.mode in ("off", "memory"):
                deadline = time.monotonic() + 10
                while after == before and not self.plain and time.monotonic() < deadline:
                    time.sleep(0.002)
                    after = self.position(index)
            fields += [before, after, digest]
            self.last[index] = after
            self.digests[index] = digest
        self.record.write("\t".join(fields) + "\n")
        self.record.flush()

    # Material.

    def blob(self, size):
        return {"hex": self.rng.randbytes(size).hex()}

    def size(self):
        return self.rng.choice([3, 20, 150, 150, 900, 4000])

    def insert(self, schema="main", count=None, size=None):
        statements = []
        for _ in range(count or self.rng.choice([1, 1, 2, 5, 20])):
            statements.append(
                (
                    "INSERT INTO %s.t0(k, v) VALUES(?, ?)" % schema,
                    self.rng.randint(0, 10**9),
                    self.blob(size or self.size()),
                )
            )
        return statements

    def change(self, schema="main"):
        low = self.rng.randint(0, 9 * 10**8)
        high = low + self.rng.choice([10**7, 10**8, 4 * 10**8])
        kind = self.rng.random()
        if kind < 0.5:
            return [
                (
                    "UPDATE %s.t0 SET v = ?, k = k + 1 WHERE k BETWEEN ? AND ?" % schema,
                    self.blob(self.size()),
                    low,
                    high,
                )
            ]
        if kind < 0.75:
            return [("DELETE FROM %s.t0 WHERE k BETWEEN ? AND ?" % schema, low, high)]
        return self.insert(schema)

    def changes(self, schema="main"):
        return [s for _ in range(self.rng.randint(1, 3)) for s in self.change(schema)]

    def any_connection(self):
        if self.exclusive is not None:
            return self.exclusive
        return self.rng.choice([c for c in self.connections[:3] if c is not self.reader])

    def alone(self, keep):
        for connection in self.connections[:3]:
            if connection is not keep:
                connection.close()
        for connection in self.connections:
            if connection.attached:
                connection.close()
        self.reader = None

    # Steps. Each returns (expectation, answer).

    def autocommit(self):
        c = self.any_connection()
        return "commit", c.run(self.rng.choice([self.insert(count=1), self.change()[:1]])[0])

    def transaction(self):
        c = self.any_connection()
        begin = self.rng.choice(["BEGIN", "BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
        return "commit", c.run(begin, *self.changes(), "COMMIT")

    def rolled_back(self):
        if self.mode == "off":
            return self.autocommit()
        c = self.any_connection()
        return "none", c.run("BEGIN IMMEDIATE", *self.changes(), "ROLLBACK")

    def savepoints(self):
        if self.mode == "off":
            return self.autocommit()
        c = self.any_connection()
        return "commit", c.run(
            "BEGIN IMMEDIATE",
            *self.insert(),
            "SAVEPOINT one",
            *self.changes(),
            "SAVEPOINT two",
            *self.changes(),
            "ROLLBACK TO two",
            *self.insert(count=2),
            "ROLLBACK TO one" if self.rng.random() < 0.5 else "RELEASE two",
            *self.insert(count=1),
            "RELEASE one",
            "COMMIT",
        )

    def spilled(self):
        c = self.any_connection()
        rollback = self.mode != "off" and self.rng.random() < 0.4
        answer = c.run(
            "PRAGMA cache_size=5",
            "PRAGMA cache_spill=5",
            "BEGIN IMMEDIATE",
            *self.insert(count=20, size=4000),
            "UPDATE t0 SET k = k + 1",
            *self.changes(),
            # The same pages once more, so that frames written before are written again.
            "UPDATE t0 SET k = k - 1 WHERE rowid % 2 = 0",
            "ROLLBACK" if rollback else "COMMIT",
            "PRAGMA cache_size=-2000",
        )
        if rollback and self.mode == "memory":
            # Free pages that were used meanwhile do not come back, and no journal tells them apart.
            return "any", answer
        return ("none" if rollback else "commit"), answer

    def constraint_failure(self):
        if self.mode == "off":
            return self.autocommit()
        c = self.any_connection()
        return "none", c.run(
            "BEGIN IMMEDIATE",
            *self.changes(),
            "INSERT INTO t0(id, k, v) VALUES(1000000, 1, x''), (1000000, 2, x'')",
        )

    def schema_change(self):
        c = self.any_connection()
        kind = self.rng.random()
        if kind < 0.4 or self.tables == 0:
            self.tables += 1
            return "commit", c.run(
                "BEGIN",
                "CREATE TABLE extra%d(x, y)" % self.tables,
                "CREATE INDEX extra%d_x ON extra%d(x)" % (self.tables, self.tables),
                ("INSERT INTO extra%d SELECT k, v FROM t0 LIMIT 20" % self.tables),
                "COMMIT",
            )
        number = self.rng.randint(1, self.tables)
        if kind < 0.6:
            return "commit", c.run("DROP TABLE IF EXISTS extra%d" % number)
        if kind < 0.8:
            return "commit", c.run(
                "CREATE TABLE IF NOT EXISTS extra%d(x, y)" % number,
            )
        column = "c%d" % self.rng.randint(0, 10**6)
        if self.rng.random() < 0.2:
            return "commit", c.run("ALTER TABLE t0 ADD COLUMN %s DEFAULT 7" % column)
        return "commit", c.run("REINDEX")

    def large_blob(self):
        c = self.any_connection()
        return "commit", c.run(
            (
                "INSERT INTO t0(k, v) VALUES(?, ?)",
                self.rng.randint(0, 10**9),
                self.blob(self.rng.choice([70000, 200000, 500000])),
            )
        )

    def shrink(self):
        c = self.any_connection()
        return "commit", c.run("DELETE FROM t0 WHERE length(v) > 3000 OR rowid % 3 = 0")

    def vacuum(self):
        c = self.any_connection()
        self.alone(c)
        statements = []
        if self.rng.random() < 0.6:
            statements.append("PRAGMA page_size=%d" % self.rng.choice([512, 1024, 2048, 4096, 8192, 16384, 32768, 65536]))
        expectation = "commit"
        if self.rng.random() < 0.5:
            # Between full and incremental this is a transaction of its own.
            statements.append("PRAGMA auto_vacuum=%d" % self.rng.choice([0, 1, 2]))
            expectation = "any"
        return expectation, c.run(*statements, "VACUUM")

    def incremental_vacuum(self):
        c = self.any_connection()
        return "any", c.run("PRAGMA incremental_vacuum(%d)" % self.rng.choice([1, 3, 50]))

    def checkpoint(self):
        if self.mode != "wal":
            return self.settings()
        c = self.any_connection()
        kind = self.rng.choice(["PASSIVE", "FULL", "RESTART", "TRUNCATE"])
        if kind != "PASSIVE":
            self.stop_reader()
        return "none", c.run("PRAGMA wal_checkpoint(%s)" % kind)

    def leaves_no_trace(self):
        """An exclusive connection without journal and sync shows nobody where a transaction ends."""
        return self.exclusive is not None and self.mode in ("off", "memory")

    def settings(self):
        c = self.any_connection()
        choice = self.rng.choice(
            [
                "PRAGMA synchronous=OFF",
                "PRAGMA synchronous=NORMAL",
                "PRAGMA synchronous=FULL",
                "PRAGMA synchronous=EXTRA",
                "PRAGMA mmap_size=0",
                "PRAGMA mmap_size=1000000",
                "PRAGMA mmap_size=100000000",
                "PRAGMA journal_size_limit=0",
                "PRAGMA journal_size_limit=20000",
                "PRAGMA journal_size_limit=-1",
                "PRAGMA wal_autocheckpoint=0",
                "PRAGMA wal_autocheckpoint=10",
                "PRAGMA wal_autocheckpoint=1000",
                "PRAGMA temp_store=MEMORY",
                "PRAGMA secure_delete=ON",
            ]
        )
        if choice.endswith("synchronous=OFF") and self.leaves_no_trace():
            choice = "PRAGMA synchronous=FULL"
        return "none", c.run(choice)

    def switch_mode(self):
        if self.exclusive is not None:
            return self.leave_exclusive()
        mode = self.rng.choice(["delete", "truncate", "persist", "memory", "off", "wal", "wal"])
        c = self.any_connection()
        self.alone(c)
        # The read first: SQLite 3.40.1 keeps pages cached that others have changed in WAL mode when
        # a connection leaves that mode without having seen their last commits.
        answer = c.run("SELECT count(*) FROM t0", "PRAGMA journal_mode=" + mode)
        if "error" not in answer:
            self.mode = answer["rows"][0][0]
            if self.mode not in ("wal",):
                # The mode of a rollback journal belongs to the connection.
                for other in self.connections[:3]:
                    other.run("PRAGMA journal_mode=" + self.mode)
        return "any", answer

    def enter_exclusive(self):
        if self.exclusive is not None:
            return self.leave_exclusive()
        c = self.any_connection()
        self.alone(c)
        self.exclusive = c
        if self.leaves_no_trace():
            c.run("PRAGMA synchronous=FULL")
        return "commit", c.run("PRAGMA locking_mode=EXCLUSIVE", *self.insert(count=1))

    def leave_exclusive(self):
        c = self.exclusive
        self.exclusive = None
        if self.mode != "wal":
            answer = c.run("PRAGMA locking_mode=NORMAL", "SELECT count(*) FROM t0")
        else:
            # A connection that opened a WAL exclusively has no shared memory; it must close.
            c.close()
            answer = {}
        if self.mode not in ("wal",):
            for connection in self.connections[:3]:
                connection.run("PRAGMA journal_mode=" + self.mode)
        return "none", answer

    def reopen(self):
        if self.exclusive is not None:
            return self.autocommit()
        c = self.any_connection()
        if c is self.reader:
            self.reader = None
        c.close()
        if self.mode != "wal":
            c.run("PRAGMA journal_mode=" + self.mode)
        return "none", {}

    def attached(self):
        """One transaction over both databases."""
        if self.exclusive is not None or self.mode == "off":
            return self.autocommit()
        c = self.any_connection()
        if not c.attached:
            answer = c.run(("ATTACH ? AS other", self.paths[1]))
            if "error" in answer:
                return "none", answer
            c.attached = True
            c.run("PRAGMA other.journal_mode=" + self.mode_b)
        end = "ROLLBACK" if self.rng.random() < 0.3 else "COMMIT"
        answer = c.run("BEGIN IMMEDIATE", *self.insert(), *self.insert("other"), *self.change("other"), end)
        return ("commit" if end == "COMMIT" else "none"), answer

    def other_database(self):
        c = self.connections[3]
        if self.rng.random() < 0.2:
            for connection in self.connections:
                if connection.attached:
                    connection.close()
            mode = self.rng.choice(["delete", "truncate", "persist", "wal"])
            answer = c.run("SELECT count(*) FROM t0", "PRAGMA journal_mode=" + mode)
            if "error" not in answer:
                self.mode_b = answer["rows"][0][0]
            return "any", answer
        return "commit", c.run("BEGIN IMMEDIATE", *self.changes(), "COMMIT")

    def killed_writer(self):
        """A writer dies in the middle of a transaction, some of it in the journal or the WAL."""
        if self.mode in ("off", "memory") or self.exclusive is not None:
            return self.autocommit()
        c = self.any_connection()
        if c is self.reader:
            self.reader = None
        answer = c.run(
            "PRAGMA cache_size=5",
            "BEGIN IMMEDIATE",
            *self.insert(count=20, size=4000),
            "UPDATE t0 SET k = k + 1",
        )
        c.kill()
        return "none", answer

    def long_reader(self):
        """A reader that keeps its snapshot while others write (WAL)."""
        if self.mode != "wal" or self.exclusive is not None or self.reader is not None:
            self.stop_reader()
            return "none", {}
        self.reader = self.connections[2]
        return "none", self.reader.run("BEGIN", "SELECT count(*) FROM t0")

    def stop_reader(self):
        if self.reader is not None:
            self.reader.run("COMMIT")
            self.reader = None

    def run(self):
        c = self.connections[0]
        create = "CREATE TABLE t0(id INTEGER PRIMARY KEY, k INTEGER, v BLOB)"
        index = "CREATE INDEX t0_k ON t0(k)"
        self.note(0, "create", "any", c.run("BEGIN", create, index, "COMMIT"))
        self.note(0, "create", "any", self.connections[3].run("BEGIN", create, index, "COMMIT"))
        kinds = [
            (self.autocommit, 14),
            (self.transaction, 20),
            (self.rolled_back, 8),
            (self.savepoints, 6),
            (self.spilled, 6),
            (self.constraint_failure, 2),
            (self.schema_change, 6),
            (self.large_blob, 3),
            (self.shrink, 5),
            (self.vacuum, 3),
            (self.incremental_vacuum, 2),
            (self.checkpoint, 6),
            (self.settings, 8),
            (self.switch_mode, 7),
            (self.enter_exclusive, 3),
            (self.reopen, 3),
            (self.attached, 6),
            (self.other_database, 5),
            (self.killed_writer, 4),
            (self.long_reader, 4),
        ]
        population = [kind for kind, _ in kinds]
        weights = [weight for _, weight in kinds]
        for step in range(1, self.steps + 1):
            kind = self.rng.choices(population, weights)[0]
            if self.reader is not None and self.rng.random() < 0.1:
                self.stop_reader()
            expectation, answer = kind()
            self.note(step, kind.__name__, expectation, answer)
        self.stop_reader()
        if self.exclusive is not None:
            self.leave_exclusive()
        # Everything into the database files, so that they can be compared byte for byte.
        for index, path in enumerate(self.paths):
            for connection in self.connections:
                if connection.path == path or connection.attached:
                    connection.close()
            connection = sqlite3.connect(path, isolation_level=None, timeout=20)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            connection.close()
        for connection in self.connections:
            connection.end()
        self.note(self.steps + 1, "end", "none", {})
        self.record.write("done\n")


if __name__ == "__main__":
    if sys.argv[1:] == ["--connection"]:
        serve()
    else:
        with open(sys.argv[4], "w") as file:
            Workload(
                int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], file, sys.argv[5:] == ["plain"]
            ).run()
