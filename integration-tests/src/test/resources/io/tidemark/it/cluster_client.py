"""A client of one node: writes and reads its databases, whatever the node says to it, and notes each
operation.

    cluster_client.py CLIENT NODE RAW_FILE SEED BUSY_SECONDS SHARE_OF_WRITES DATABASE...

Ends when standard input ends. The work is done by a child process: reading memory that is mapped from
a mount whose program was killed ends it with SIGBUS, and another one goes on.

A line of RAW_FILE is "begin" or "end" of an operation, a JSON object; times are those of
CLOCK_MONOTONIC in nanoseconds. An "end" that is missing means that nobody knows.
"""

import hashlib
import json
import os
import random
import select
import signal
import sqlite3
import sys
import time

client, node, raw, seed, busy, writes = sys.argv[1:7]
paths = sys.argv[7:]

# Primary result codes of a COMMIT (or of a statement that commits by itself) that SQLite returns
# before it has begun to write. Python names the codes since 3.11.
REFUSED = {
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
}


def code(error):
    return getattr(error, "sqlite_errorcode", -1) & 0xFF


def identity(path):
    """Which file a path leads to; None if to none."""
    try:
        found = os.stat(path)
        return found.st_dev, found.st_ino
    except OSError:
        return None


class Client:
    def __init__(self, generation):
        self.out = open(raw, "a", buffering=1)
        self.random = random.Random("%s %d" % (seed, generation))
        self.prefix = "%s-%02d" % (client, generation)
        self.operations = 0
        self.connections = {}
        self.files = {}  # what was opened, by the path

    def note(self, event, **fields):
        self.out.write(json.dumps(dict(fields, event=event)) + "\n")

    def connection(self, path):
        if path not in self.connections:
            self.connections[path] = sqlite3.connect(
                "file:%s?mode=rw" % path, uri=True, isolation_level=None, timeout=float(busy)
            )
            self.files[path] = identity(path)
            self.connections[path].execute("PRAGMA busy_timeout=%d" % (float(busy) * 1000))
        return self.connections[path]

    def forget(self, path):
        connection = self.connections.pop(path, None)
        if connection:
            try:
                connection.close()
            except sqlite3.Error:
                pass  # of a mount that is gone

    def write(self, path, value):
        """The outcome and SQLite's words."""
        appending = False
        try:
            connection = self.connection(path)
            if self.random.random() < 0.5:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("INSERT INTO t(v) VALUES(?)", (value,))
                appending = True
                connection.execute("COMMIT")
            else:
                appending = True
                connection.execute("INSERT INTO t(v) VALUES(?)", (value,))
            return "ok", ""
        except sqlite3.Error as e:
            refused = not appending or code(e) in REFUSED
            text = "%s (%s)" % (e, getattr(e, "sqlite_errorname", "?"))
            try:
                connection = self.connections.get(path)
                if connection and connection.in_transaction:
                    connection.execute("ROLLBACK")
                if code(e) != sqlite3.SQLITE_BUSY:
                    self.forget(path)
            except sqlite3.Error:
                self.forget(path)
            return "refused" if refused else "unknown", text

    def read(self, path):
        """All values in one read transaction: outcome, words, count, digest, last value."""
        try:
            connection = self.connection(path)
            connection.execute("BEGIN")
            rows = connection.execute("SELECT seq, v FROM t ORDER BY seq").fetchall()
            last = connection.execute("SELECT v FROM last").fetchone()[0]
            connection.execute("COMMIT")
        except sqlite3.Error as e:
            self.forget(path)
            return "refused", str(e), 0, "", ""
        if self.files[path] is None or identity(path) != self.files[path]:
            # Pages that the kernel still has of a mount that is gone, and no journal beside them.
            self.forget(path)
            return "refused", "the database has gone with its mount", 0, "", ""
        digest = hashlib.sha256()
        for _, value in rows:
            digest.update((value + "\n").encode())
        final = rows[-1][1] if rows else ""
        torn = ""
        if [seq for seq, _ in rows] != list(range(1, len(rows) + 1)):
            torn = "the numbers of the rows have gaps"
        elif last != "LAST:" + final:
            torn = "the trigger wrote %s, the table ends with %s" % (last, final)
        return "ok", torn, len(rows), digest.hexdigest(), final

    def step(self):
        path = self.random.choice(paths)
        database = os.path.basename(path)
        if self.random.random() < 0.1:
            self.forget(path)
        operation = "%s-%07d" % (self.prefix, self.operations)
        self.operations += 1
        about = dict(op=operation, client=client, node=node, db=database)
        if self.random.random() < float(writes):
            start = time.monotonic_ns()
            self.note("begin", kind="write", value=operation, time=start, **about)
            outcome, text = self.write(path, operation)
            self.note("end", op=operation, time=time.monotonic_ns(), outcome=outcome, text=text)
            pause = 0.02 if outcome == "ok" else 0.15
        else:
            self.note("begin", kind="read", time=time.monotonic_ns(), **about)
            outcome, text, count, digest, last = self.read(path)
            self.note(
                "end",
                op=operation,
                time=time.monotonic_ns(),
                outcome=outcome,
                text=text,
                count=count,
                digest=digest,
                last=last,
            )
            pause = 0.03 if outcome == "ok" else 0.15
        return pause * self.random.uniform(0.5, 1.5)


def work(generation):
    it = Client(generation)
    pause = 0.0
    while not select.select([0], [], [], pause)[0]:
        pause = it.step()
    for path in paths:
        it.forget(path)


print("ready", flush=True)
generation = 0
while True:
    generation += 1
    child = os.fork()
    if child == 0:
        work(generation)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGBUS:
        continue
    sys.exit(0 if status == 0 else "the client's child ended with status %d" % status)
