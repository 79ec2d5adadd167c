#!/bin/bash
# Kills the program at random moments under load, by the hundred, and checks after each restart.
#
#   crash-campaign.sh [KILLS [SEED]]      default: 300 kills, a fresh seed
#
# Further -D options for the Java process: JAVA_OPTIONS, e.g. -Dtidemark.it.transport=libfuse.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
cd "$here/.."
list="$here/target/test-classpath.txt"
mvn -q -B -pl integration-tests -am -DskipTests package \
  dependency:build-classpath -Dmdep.outputFile="$list"
# Word splitting of the options is wanted.
# shellcheck disable=SC2086
exec java -ea -Dbasedir="$here" ${JAVA_OPTIONS:-} \
  -cp "$here/target/test-classes:$(cat "$list")" io.tidemark.it.CrashCampaign "$@"
