"""Reads a node's .lag again and again.

    lag_meter.py FILE

Each line on standard input is a number of seconds; the answer comes after them: median and 99th
percentile of the lag in milliseconds.
"""

import sys
import time

print("ready", flush=True)
for line in sys.stdin:
    end = time.monotonic() + float(line)
    values = []
    while time.monotonic() < end:
        with open(sys.argv[1]) as file:
            values.append(int(file.read()))
        time.sleep(0.01)
    values.sort()
    print("%d %d" % (values[len(values) // 2], values[len(values) * 99 // 100]), flush=True)
