#!/bin/bash
# Hurts a cluster of three nodes and three etcd servers for as long as one likes, and checks after each
# round of faults what its clients saw. docs/TESTING.md describes it.
#
#   cluster-campaign.sh [SECONDS [SEED [sync|async|both]]]      default: 600 s, a fresh seed, both
#   cluster-campaign.sh mutants [NAME...]                       does it find anything? Seeded defects
#                                                               (default: all), a line of result for each
#
# Further -D options for the Java process: JAVA_OPTIONS, e.g. -Dtidemark.it.mutant=NOBODY_CONFIRMS.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
. "$here/campaign.sh"
if [ "${1:-}" = mutants ]; then
  campaign ClusterDefects "${@:2}"
else
  campaign ClusterCampaign "$@"
fi
