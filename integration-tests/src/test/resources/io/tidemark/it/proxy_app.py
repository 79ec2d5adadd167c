"""An application with one table: PUT and POST of /v/N insert N, GET says 200 or 404.

    proxy_app.py PORT DATABASE
"""

import http.server
import os
import sqlite3
import sys
import threading
import time

port, path = int(sys.argv[1]), sys.argv[2]
parent = os.getppid()

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet

    def handle_request(self, statement):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, text = 200, "ok"
        try:
            # One for each request, as web frameworks have it: often it is the last that closes.
            # Without its mount there is no database, and none is made.
            connection = sqlite3.connect(
                "file:%s?mode=rw" % path, uri=True, timeout=10, isolation_level=None
            )
            try:
                rows = connection.execute(statement, (int(self.path[3:]),)).fetchall()
            finally:
                connection.close()
            if self.command == "GET" and not rows:
                status, text = 404, "none"
        except sqlite3.Error as error:
            status, text = 500, str(error)
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.handle_request("SELECT v FROM t WHERE v = ?")

    def do_PUT(self):
        self.handle_request("INSERT OR IGNORE INTO t VALUES (?)")

    def do_POST(self):
        self.handle_request("INSERT INTO t VALUES (?)")

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128


def end_with_parent():
    while os.getppid() == parent:
        time.sleep(0.1)
    os._exit(1)


threading.Thread(target=end_with_parent, daemon=True).start()
Server(("127.0.0.1", port), Handler).serve_forever()
