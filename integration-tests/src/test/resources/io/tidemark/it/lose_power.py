"""Shuts the ext4 down that is mounted at the given directory, as a loss of power would: nothing
more is written, neither data nor the file system's journal."""

import fcntl
import os
import struct
import sys

EXT4_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2

descriptor = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECTORY)
fcntl.ioctl(descriptor, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
