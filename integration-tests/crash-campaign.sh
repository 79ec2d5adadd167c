#!/bin/bash
# Kills the program at random moments under load, by the hundred, and checks after each restart.
#
#   crash-campaign.sh [KILLS [SEED]]      default: 300 kills, a fresh seed
#
# Further -D options for the Java process: JAVA_OPTIONS, e.g. -Dtidemark.it.transport=libfuse.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
. "$here/campaign.sh"
campaign CrashCampaign "$@"
