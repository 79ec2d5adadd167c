"""Checks what the crash workers left.

    crash_check.py ACKED DATABASE [DATABASE]

ACKED is "worker=seq,worker=seq": the last transaction of each worker whose COMMIT had returned.
Prints one line for each broken promise and exits with 1 if there is any.
"""

import sqlite3
import sys

acked = dict((int(w), int(s)) for w, s in (p.split("=") for p in sys.argv[1].split(",") if p))
problems = []
histories = []
for path in sys.argv[2:]:
    connection = sqlite3.connect(path, isolation_level=None, timeout=60)

    def query(sql, *arguments):
        return connection.execute(sql, arguments).fetchall()

    def problem(text, *values):
        problems.append("%s: %s" % (path, text % values))

    integrity = query("PRAGMA integrity_check")
    if integrity != [("ok",)]:
        problem("integrity_check: %s", integrity)
    for worker, seq, parts, rows, distinct in query(
        "SELECT worker, seq, max(parts), count(*), count(DISTINCT parts) FROM part GROUP BY 1, 2"
    ):
        if rows != parts or distinct != 1:
            problem("transaction %d of worker %d has %d rows of %d", seq, worker, rows, parts)
        if worker < 0:
            problem("transaction %d of worker %d was rolled back and is there", seq, -1 - worker)
    total = query("SELECT sum(amount), count(*) FROM account")[0]
    if total != (20000, 20):
        problem("sum and number of accounts are %s", total)
    last = dict(query("SELECT worker, seq FROM last"))
    for worker, seq in acked.items():
        if last.get(worker, 0) < seq:
            problem("worker %d: %d was acknowledged, %d is the last", worker, seq, last.get(worker, 0))
        elif last.get(worker, 0) > seq + 1:
            problem("worker %d: more than one unacknowledged: %d after %d", worker, last[worker], seq)
    for worker, seq in last.items():
        have = query("SELECT count(DISTINCT seq), min(seq), max(seq) FROM part WHERE worker = ?", worker)
        if have != [(seq, 1, seq)]:
            problem("worker %d: its transactions (count, first, last) are %s, expected 1..%d", worker, have, seq)
    histories.append(last)
    connection.close()
if len(histories) == 2 and histories[0] != histories[1]:
    problems.append("a transaction over both databases is in one of them: %s" % histories)
for text in problems:
    print(text)
print("worker=seq: " + ",".join("%d=%d" % item for item in sorted(histories[0].items())))
sys.exit(1 if problems else 0)
