# Sourced by the campaigns: builds the program and runs a class of these tests by its name.
# $here is the directory of this module.
campaign() {
  local list="$here/target/test-classpath.txt"
  cd "$here/.."
  mvn -q -B -pl integration-tests -am -DskipTests package \
    dependency:build-classpath -Dmdep.outputFile="$list"
  # Word splitting of the options is wanted.
  # shellcheck disable=SC2086
  exec java -ea -Dbasedir="$here" ${JAVA_OPTIONS:-} \
    -cp "$here/target/test-classes:$(cat "$list")" "io.tidemark.it.$1" "${@:2}"
}
