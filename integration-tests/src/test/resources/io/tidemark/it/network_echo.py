"""Two ends of a connection over a network that may lose packets.

    network_echo.py serve ADDRESS      echoes lines, and knows which ones it got
    network_echo.py talk ADDRESS       says each line of standard input and prints the answer

An answer that does not come within a second is "lost", and the next line is said on a new
connection. Errors are printed by name. "received" is answered by what the server got.
"""

import socket
import sys
import threading

PORT = 7
received = []


def serve(connection):
    with connection, connection.makefile("rw") as lines:
        for line in lines:
            if line.strip() == "received":
                lines.write(" ".join(received) + "\n")
            else:
                received.append(line.strip())
                lines.write(line)
            lines.flush()


def talk(address):
    lines = None
    for line in sys.stdin:
        try:
            if lines is None:
                connection = socket.create_connection((address, PORT), 1)
                lines = connection.makefile("rw")
            lines.write(line)
            lines.flush()
            answer = lines.readline().strip()
        except TimeoutError:
            answer = "lost"
        except OSError as e:
            answer = type(e).__name__
        if answer != line.strip() and line.strip() != "received":
            lines = None
        print(answer, flush=True)


if sys.argv[1] == "serve":
    server = socket.create_server((sys.argv[2], PORT))
    print("ready", flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), server.close()), daemon=True).start()
    while True:
        threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
else:
    print("ready", flush=True)
    talk(sys.argv[2])
