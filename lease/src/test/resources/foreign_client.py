# Debian's python3-consul2 against a server on the port in argv[1]: sessions, locks, compare-and-set,
# blocking queries and transactions, as that client's authors understand Consul.
import base64
import sys
import threading
import time

import consul

c = consul.Consul(host="127.0.0.1", port=int(sys.argv[1]))


def check(condition, what):
    if not condition:
        print("FAILED: " + what)
        sys.exit(1)


def b64(text):
    return base64.b64encode(text.encode()).decode()


# Keys
index, data = c.kv.get("absent")
check(data is None, "an absent key")
check(c.kv.put("plain", "one"), "put")
index, data = c.kv.get("plain")
check(data["Value"] == b"one", "get")
check(not c.kv.put("plain", "two", cas=data["ModifyIndex"] + 1), "cas with a wrong index")
check(c.kv.put("plain", "two", cas=data["ModifyIndex"]), "cas with the right index")
check(not c.kv.put("plain", "three", cas=0), "cas 0 of a key that exists")
index, found = c.kv.get("pl", recurse=True)
check([k["Key"] for k in found] == ["plain"], "recurse")

# Sessions and locks
a = c.session.create(name="a", ttl=10, behavior="delete", lock_delay=0)
b = c.session.create(name="b", ttl=10, behavior="release", lock_delay=0)
check(a != b, "two sessions")
check(c.kv.put("lock", "of a", acquire=a), "acquire")
check(c.kv.put("lock", "of a again", acquire=a), "acquire again by the same session")
check(not c.kv.put("lock", "of b", acquire=b), "acquire while held")
check(not c.kv.put("lock", "", release=b), "release by another")
index, data = c.kv.get("lock")
check(data["Session"] == a and data["LockIndex"] == 1, "the session of a lock")
renewed = c.session.renew(a)
check(renewed["ID"] == a, "renew")
check(c.kv.put("lock2", "of b", acquire=b), "acquire another")
check(c.session.destroy(a), "destroy")
index, data = c.kv.get("lock")
check(data is None, "behavior delete")
check(c.session.destroy(b), "destroy")
index, data = c.kv.get("lock2")
check(data["Value"] == b"of b" and "Session" not in data, "behavior release")
try:
    c.session.renew(a)
    check(False, "renewing a session that has ended")
except consul.NotFound:
    pass

# The lock delay, which the server counts with the test's clock, so here it does not pass
d = c.session.create(name="d", ttl=10, behavior="delete", lock_delay=30)
check(c.kv.put("delayed", "x", acquire=d), "acquire")
c.session.destroy(d)
e = c.session.create(name="e", ttl=10, behavior="delete", lock_delay=0)
check(not c.kv.put("delayed", "x", acquire=e), "acquire within the lock delay")

# Blocking queries
index, data = c.kv.get("plain")


def later():
    time.sleep(0.3)
    consul.Consul(host="127.0.0.1", port=int(sys.argv[1])).kv.put("plain", "changed")


threading.Thread(target=later).start()
before = time.time()
index2, data = c.kv.get("plain", index=index, wait="10s")
check(int(index2) > int(index) and data["Value"] == b"changed", "a blocking query")
check(0.1 < time.time() - before < 8, "a blocking query waits for the change and no longer")

# Transactions
f = c.session.create(name="f", ttl=10, behavior="delete", lock_delay=0)
owner = '{"node":"py","nonce":"n","url":"http://py"}'
result = c.txn.put([
    {"KV": {"Verb": "lock", "Key": "foreign/primary", "Value": b64(owner), "Session": f}},
    {"KV": {"Verb": "cas", "Key": "foreign/record", "Value": b64("first"), "Index": 0}},
])
at = result["Results"][1]["KV"]["ModifyIndex"]
check(result["Errors"] is None and at > 0, "a transaction")
for operations in (
    [
        {"KV": {"Verb": "check-session", "Key": "foreign/primary", "Session": f}},
        {"KV": {"Verb": "cas", "Key": "foreign/record", "Value": b64("wrong"), "Index": at + 1}},
    ],
    [
        {"KV": {"Verb": "cas", "Key": "foreign/record", "Value": b64("wrong"), "Index": at}},
        {"KV": {"Verb": "check-session", "Key": "foreign/primary", "Session": e}},
    ],
):
    try:
        c.txn.put(operations)
        check(False, "a transaction that must not commit")
    except consul.base.ConsulException as refused:
        check("409" in str(refused), "the status of a refused transaction: " + str(refused))
index, data = c.kv.get("foreign/record")
check(data["Value"] == b"first" and data["ModifyIndex"] == at, "nothing of a refused transaction")
c.txn.put([
    {"KV": {"Verb": "check-session", "Key": "foreign/primary", "Session": f}},
    {"KV": {"Verb": "cas", "Key": "foreign/record", "Value": b64("by the foreign client"),
            "Index": at}},
])
print("OK")
