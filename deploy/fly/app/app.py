"""A guest book: GET / shows it, POST / with a text as its body adds to it. Knows nothing of Tidemark."""

import html
import http.server
import os
import sqlite3

DATABASE = os.environ.get("DATABASE", "/srv/db/app.db")
PORT = int(os.environ.get("PORT", "8081"))


def connect():
    connection = sqlite3.connect(DATABASE, timeout=15)  # writers wait while the primary changes
    connection.execute("PRAGMA synchronous = FULL")
    return connection


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        try:
            with connect() as connection:
                rows = connection.execute("SELECT text FROM entry ORDER BY id DESC LIMIT 50").fetchall()
        except sqlite3.OperationalError:  # nobody has written yet
            rows = []
        self.answer(200, "".join(f"<p>{html.escape(text)}</p>\n" for (text,) in rows))

    def do_POST(self):
        length = min(int(self.headers.get("Content-Length", 0)), 10_000)
        text = self.rfile.read(length).decode("utf-8", "replace")
        with connect() as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS entry(id INTEGER PRIMARY KEY, text TEXT)")
            connection.execute("INSERT INTO entry(text) VALUES (?)", (text,))
        self.answer(201, "Added.\n")

    def answer(self, status, body):
        content = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
