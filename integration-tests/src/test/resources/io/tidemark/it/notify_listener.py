"""Listens where systemd would and prints each message on a line of its own: notify_listener.py SOCKET"""

import socket
import sys

with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
    listener.bind(sys.argv[1])
    print("listening", flush=True)
    while True:
        print(listener.recv(4096).decode().replace("\n", " "), flush=True)
