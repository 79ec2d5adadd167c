"""Users of a web site that is reached through the proxies of several nodes.

    site_client.py KIND USERS SEED LOG_FILE PORT...

KIND is django or fossil; there is a proxy at each PORT. Each user has cookies of their own, as a
browser has, and asks any node at random: logs in, posts, uploads, follows redirects, and reads what
they have written. A line of standard input is a command, which is answered with one line:

    count       how many writes were made and read again
    down N      the node with the N-th port is about to be killed; requests may fail in ways that are
                allowed then, and only then
    up N        it is there again
    stop        a JSON object: what was acknowledged, what failed, what the application itself refused
    check FILE  whether all that was acknowledged is in that database: "ok", or what is missing
"""

import hashlib
import http.client
import json
import random
import re
import sqlite3
import sys
import threading
import time
import urllib.parse

HOST = "site.test"
PATIENCE = 90.0

kind, users, seed, log_name = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
ports = [int(port) for port in sys.argv[5:]]
log = open(log_name, "w", buffering=1)


class Wrong(Exception):
    """What must not happen."""


class Unknown(Exception):
    """Nobody knows whether a request that cannot be repeated was carried out."""


class State:
    def __init__(self):
        self.lock = threading.Lock()
        self.begun = False
        self.down = set()
        self.kills = 0
        self.stopped = False
        self.count = 0
        self.acknowledged = {}
        self.failures = []
        self.refused = []
        self.unknown = 0
        self.again = 0
        self.longest = 0.0

    def first(self):
        """Whether this is the first request of all: it goes to a replica, which cannot write."""
        with self.lock:
            begun, self.begun = self.begun, True
            return not begun

    def disturbance(self):
        """Which nodes are being killed, and how many were before."""
        with self.lock:
            return frozenset(self.down), self.kills


state = State()


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    def location(self):
        return urllib.parse.urlparse(self.headers.get("Location", "")).path


class User(threading.Thread):
    def __init__(self, number):
        super().__init__(name="user-%d" % number, daemon=True)
        self.random = random.Random("%s %d" % (seed, number))
        self.cookies = {}
        self.connections = {}
        self.items = []
        self.number = 0
        self.signed_in = False
        self.site = SITES[kind](self)

    # ------------------------------------------------------------------------------- requests

    def exchange(self, node, method, path, body, headers):
        """One request on a kept connection; None if there is no whole answer."""
        headers = dict(headers, Host=HOST, Referer="http://%s%s" % (HOST, path))
        if self.cookies:
            headers["Cookie"] = "; ".join("%s=%s" % pair for pair in self.cookies.items())
        begin = time.monotonic()
        said = ""
        try:
            if node not in self.connections:
                connection = http.client.HTTPConnection("127.0.0.1", ports[node], timeout=PATIENCE)
                self.connections[node] = connection
            connection = self.connections[node]
            connection.request(method, path, body, headers)
            got = connection.getresponse()
            answer = Answer(got.status, got.headers, got.read())
            said = "" if got.status < 400 else reason(answer.text)
        except (OSError, http.client.HTTPException) as e:
            self.connections.pop(node).close()
            answer, said = None, repr(e)
        took = time.monotonic() - begin
        status = answer.status if answer else 0
        log.write(
            "%.3f %s node%d %s %s %d %.3f %r\n"
            % (time.monotonic(), self.name, node + 1, method, path, status, took, said)
        )
        with state.lock:
            state.longest = max(state.longest, took)
        if answer:
            for cookie in answer.headers.get_all("Set-Cookie", []):
                name, value = cookie.split(";")[0].split("=", 1)
                self.cookies[name] = value
        return answer, said

    def ask(self, method, path, body=None, headers=None):
        """
        An answer of success. GETs are asked again, and posts are given up, where a kill excuses it: at
        the killed node no answer, elsewhere an answer that says that it did not work.
        """
        deadline = time.monotonic() + PATIENCE
        while True:
            node = len(ports) - 1 if state.first() else self.random.randrange(len(ports))
            down, kills = state.disturbance()
            answer, said = self.exchange(node, method, path, body, headers or {})
            if answer and answer.status < 400:
                return answer
            now_down, now_kills = state.disturbance()
            killed = down | now_down
            if answer is None:
                excused = node in killed
            else:
                allowed = (503, 504) if method == "GET" else (502, 503, 504)
                excused = bool(killed or kills != now_kills) and answer.status in allowed
            if answer and method != "GET" and answer.status in (400, 500):
                with state.lock:
                    state.refused.append("%s %s at node%d: %s" % (method, path, node + 1, said))
                raise Unknown()
            if not excused or time.monotonic() > deadline:
                raise Wrong(
                    "%s %s at node%d: %s %s"
                    % (method, path, node + 1, answer.status if answer else "no answer", said)
                )
            if method != "GET":
                raise Unknown()
            with state.lock:
                state.again += 1
            time.sleep(0.1)

    def get(self, path):
        return self.ask("GET", path)

    def post(self, path, fields, file=None):
        """What the redirect leads to, which any node may be asked for. file: name of its field, content."""
        if file:
            boundary = "-----------%016x" % self.random.getrandbits(64)
            parts = [
                b'--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
                % (boundary.encode(), name.encode(), value.encode())
                for name, value in fields.items()
            ]
            field, name, content = file
            parts.append(
                b'--%s\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\n'
                b"Content-Type: application/octet-stream\r\n\r\n%s\r\n--%s--\r\n"
                % (boundary.encode(), field.encode(), name.encode(), content, boundary.encode())
            )
            body, form = b"".join(parts), "multipart/form-data; boundary=" + boundary
        else:
            body, form = urllib.parse.urlencode(fields).encode(), "application/x-www-form-urlencoded"
        answer = self.ask("POST", path, body, {"Content-Type": form})
        if answer.status not in (302, 303):
            raise Wrong("POST %s: %d without a redirect\n%s" % (path, answer.status, answer.text))
        return answer.location()

    def page(self, path, *contained):
        """A page that only somebody who is signed in sees."""
        answer = self.get(path)
        if answer.status != 200:
            raise Wrong("GET %s leads to %s: signed in no more" % (path, answer.location()))
        for text in contained:
            if text not in answer.text:
                raise Wrong("GET %s does not show %s" % (path, text))
        return answer

    # ----------------------------------------------------------------------------------- work

    def content(self):
        return self.random.getrandbits(8 * 1024).to_bytes(1024, "big") * self.random.randrange(1, 200)

    def run(self):
        while not state.stopped:
            try:
                self.step()
            except Unknown:
                with state.lock:
                    state.unknown += 1
            except Wrong as e:
                with state.lock:
                    state.failures.append("%.3f %s: %s" % (time.monotonic(), self.name, e))
            except Exception as e:
                with state.lock:
                    state.failures.append("%s: %r" % (self.name, e))

    def step(self):
        if not self.signed_in or self.random.random() < 0.1:
            self.signed_in = False
            self.cookies = {name: self.cookies[name] for name in self.cookies if name == "__txid"}
            self.site.sign_in()
            self.signed_in = True
        self.number += 1
        self.site.write("%s-%d" % (self.name, self.number))
        with state.lock:
            state.count += 1

    def acknowledge(self, name, content):
        with state.lock:
            state.acknowledged[name] = content


def reason(page):
    """What a page of an error says, of which fossil's have a place for it."""
    return (re.findall(r'class="generalError">(.*?)</p>', page, re.S) or [page[-300:]])[0]


def hidden(html, name):
    return re.search(r'name="%s" value="([^"]*)"' % name, html).group(1)


class Django:
    def __init__(self, user):
        self.user = user

    def sign_in(self):
        user = self.user
        form = user.get("/login/").text
        to = user.post(
            "/login/",
            dict(
                username=user.name,
                password="correct horse",
                csrfmiddlewaretoken=hidden(form, "csrfmiddlewaretoken"),
            ),
        )
        user.page(to, "Signed in as " + user.name)

    def write(self, name):
        user = self.user
        form = user.page("/add/", "Signed in as " + user.name).text
        fields = dict(
            slug=name,
            text="text of " + name,
            csrfmiddlewaretoken=hidden(form, "csrfmiddlewaretoken"),
        )
        content = b""
        if user.random.random() < 0.5:
            to = user.post("/add/", fields)
        else:
            content = user.content()
            to = user.post("/add/", fields, ("file", name + ".bin", content))
        user.acknowledge(name, hashlib.sha256(content).hexdigest())
        user.page(to, "Saved " + name, "text of " + name)
        user.page("/", name)
        if content and user.page(to + "file").body != content:
            raise Wrong("the file of %s is another one" % name)

    @staticmethod
    def stored(database):
        return {
            slug: hashlib.sha256(content).hexdigest()
            for slug, content in database.execute("SELECT slug, content FROM board_note")
        }


class Fossil:
    """
    Its transactions read before they write, so two at a time end with "database is locked" on any file
    system: one of six posts of three users on a plain directory. Here users take turns.
    """

    turn = threading.Lock()

    def __init__(self, user):
        self.user = user

    def post(self, *request):
        with self.turn:
            return self.user.post(*request)

    def sign_in(self):
        user = self.user
        with self.turn:  # the first one who sees the page writes
            user.get("/login")
        self.post("/login", {"u": user.name, "p": "correct horse", "in": "Login"})
        user.page("/tktnew", user.name)

    def write(self, name):
        user = self.user
        form = user.page("/tktnew", 'name="csrf"', user.name).text
        csrf = hidden(form, "csrf")
        to = self.post(
            "/tktnew",
            dict(csrf=csrf, title=name, icomment="about " + name, mutype="Markdown", submit="Submit"),
        )
        user.acknowledge(name, "")
        user.page(to, name, "about " + name)
        if user.random.random() < 0.5:
            content = user.content()
            ticket = to.rsplit("/", 1)[1]
            fields = {"tkt": ticket, "from": to, "comment": name, "csrf": csrf, "ok": "Add Attachment"}
            to = self.post("/attachadd", fields, ("f", name + ".bin", content))
            user.acknowledge(name, hashlib.sha3_256(content).hexdigest())
            user.page(to, name + ".bin")
            got = user.page("/attachdownload/%s.bin?tkt=%s&file=%s.bin" % (name, ticket, name))
            if got.body != content:
                raise Wrong("the attachment of %s is another one" % name)

    @staticmethod
    def stored(database):
        return {
            title: file or ""
            for title, file in database.execute(
                "SELECT title, src FROM ticket LEFT JOIN attachment ON target = tkt_uuid"
            )
        }


SITES = {"django": Django, "fossil": Fossil}


def check(path):
    database = sqlite3.connect("file:%s?mode=ro" % path, uri=True, timeout=30)
    stored = SITES[kind].stored(database)
    wrong = [
        "%s: acknowledged %r, stored %r" % (name, content, stored.get(name, "(nothing)"))
        for name, content in state.acknowledged.items()
        if name not in stored or content and stored[name] != content
    ]
    return "; ".join(wrong) or "ok"


threads = [User(number) for number in range(1, users + 1)]
print("ready", flush=True)
for thread in threads:
    thread.start()
for line in sys.stdin:
    command, _, argument = line.strip().partition(" ")
    answer = "ok"
    if command == "count":
        answer = str(state.count)
    elif command == "down":
        with state.lock:
            state.down.add(int(argument) - 1)
            state.kills += 1
    elif command == "up":
        with state.lock:
            state.down.discard(int(argument) - 1)
    elif command == "stop":
        state.stopped = True
        for thread in threads:
            thread.join()
        answer = json.dumps(
            dict(
                acknowledged=len(state.acknowledged),
                failures=state.failures,
                refused=state.refused,
                unknown=state.unknown,
                again=state.again,
                longest=round(state.longest, 3),
            )
        )
    elif command == "check":
        answer = check(argument)
    print(answer, flush=True)
