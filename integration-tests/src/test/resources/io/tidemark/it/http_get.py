"""Prints what a URL answers, or writes it into a file. An answer of another status than 200, and one
that is cut short, is an error.

    http_get.py URL [FILE]
"""

import shutil
import sys
import urllib.request

with urllib.request.urlopen(sys.argv[1], timeout=30) as answer:
    if len(sys.argv) > 2:
        with open(sys.argv[2], "wb") as file:
            shutil.copyfileobj(answer, file, 1 << 18)
        if answer.length:
            sys.exit("%d bytes are missing" % answer.length)
    else:
        sys.stdout.write(answer.read().decode())
