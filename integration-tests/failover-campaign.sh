#!/bin/bash
# Measures how long nobody can commit when the primary is killed or hands over, with real clients.
# docs/RELIABILITY.md has what came out.
#
#   failover-campaign.sh [KILLS [HANDOFFS [sync|async|both]]]      default: 200 of each, both
#
# Further -D options for the Java process: JAVA_OPTIONS.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
. "$here/campaign.sh"
campaign FailoverCampaign "$@"
