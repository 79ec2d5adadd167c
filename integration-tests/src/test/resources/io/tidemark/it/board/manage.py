"""The usual entry to a Django site: a notice board whose notes and files are in its database."""

import os
import sys

from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "board.settings")
execute_from_command_line(sys.argv)
