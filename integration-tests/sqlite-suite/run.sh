#!/bin/bash
# Runs SQLite's own tests on a mounted directory and on a plain one, and compares.
#
#   run.sh quick|chosen49|FILE.test... DIR
#   run.sh veryquick [FILE.test...] DIR
#
#   FILE.test  only these; with veryquick: as the suite "veryquick" runs them, also those of extensions
#   DIR    an existing directory, normally on a Tidemark mount; a scratch directory is made below it
#
# The suite refuses to run as root, so it runs as nobody: DIR must be reachable for other users.
# Environment:
#   TIDEMARK_SUITE_PLAIN     scratch directory of the comparison (default: a new one below /tmp)
#   TIDEMARK_SUITE_TIMEOUT   seconds allowed per test file (default 300)
#   TIDEMARK_SUITE_LOGS      where the output of every file is kept (default ./target/sqlite-suite)
#   TIDEMARK_SUITE_EXPECTED  list of expected failures (default: beside this script)
#
# Exit codes: 0 as expected, 1 something else failed or an expected failure passed, 2 usage,
# 3 the suite cannot run here (the reason is printed).
set -uo pipefail

here="$(cd "$(dirname "$0")" && pwd)"
usage() { sed -n '2,19s/^# \{0,1\}//p' "$0" >&2; exit 2; }
[[ $# -ge 2 ]] || usage
target="${*: -1}"
set -- "${@:1:$#-1}"
[[ -d "$target" ]] || { echo "run.sh: not a directory: $target" >&2; exit 2; }
[[ "$(id -u)" == 0 ]] || { echo "run.sh: must be started as root, it runs the tests as nobody" >&2; exit 3; }

case "$1" in
  quick | chosen49) mapfile -t files < <(grep -v '^#' "$here/$1.txt"); limit="${TIDEMARK_SUITE_TIMEOUT:-300}" ;;
  veryquick) files=(); limit="${TIDEMARK_SUITE_TIMEOUT:-300}" ;;
  *.test) files=("${@%.test}"); limit="${TIDEMARK_SUITE_TIMEOUT:-300}" ;;
  *) usage ;;
esac
logs="${TIDEMARK_SUITE_LOGS:-$PWD/target/sqlite-suite}"
expected="${TIDEMARK_SUITE_EXPECTED:-$here/expected-failures.txt}"
mkdir -p "$logs" || exit 2

built="$("$here/build.sh")" || exit 3

# Nobody can rarely enter the cache of the user who built it: a copy of what the tests read.
scratch="$(mktemp -d "${TMPDIR:-/tmp}/tidemark-suite.XXXXXX")"
plain="${TIDEMARK_SUITE_PLAIN:-$scratch/plain}"
mounted="$target/sqlite-suite-$$"
cleanup() {
  rm -rf "$scratch" "$plain/run-$$"
  # A mount that hangs must not hang this script as well.
  timeout 60 rm -rf "$mounted" || echo "run.sh: could not remove $mounted" >&2
}
trap cleanup EXIT
trap 'exit 1' INT TERM
chmod 755 "$scratch"
mkdir -p "$scratch/suite" "$scratch/tmp" "$plain/run-$$" "$mounted" || exit 1
cp -r "$built/test" "$built/ext" "$built/testfixture" "$scratch/suite/" || exit 1
chown nobody:nogroup "$scratch/tmp"
chmod 755 "$plain"

# nobodys COMMAND...: runs it as nobody in the present directory.
nobodys() {
  setpriv --reuid=nobody --regid=nogroup --clear-groups \
    env HOME="$scratch/tmp" TMPDIR="$scratch/tmp" "$@" < /dev/null
}

# The files of SQLite's own suite "veryquick", each started alone: one that ends early ends no other.
program=()
if [[ "$1" == veryquick ]]; then
  program=("$scratch/suite/test/permutations.test" veryquick)
  cat > "$scratch/suite/list.tcl" << 'TCL'
set testdir [file join [file dirname [info script]] test]
set argv0 [file join $testdir list.test]
source [file join $testdir permutations.test]
array set spec $::testspec(veryquick)
foreach file $spec(-files) { puts "FILE [file rootname [file tail $file]]" }
exit
TCL
  mapfile -t files < <(cd "$scratch/tmp" && nobodys "$scratch/suite/testfixture" "$scratch/suite/list.tcl" \
    | sed -n 's/^FILE //p' | sort -u)
  [[ ${#files[@]} -gt 0 ]] || { echo "run.sh: the suite names no files" >&2; exit 3; }
  if [[ $# -gt 1 ]]; then
    set -- "${@:2}"
    files=("${@%.test}")
  fi
fi

# one FILE PLACE NAME: runs one file in a fresh directory below PLACE; sets tests, failures, seconds.
one() {
  local file="$1" place="$2/$1" log="$logs/$1.$3.log" begin end status
  rm -rf "$place"
  mkdir -p "$place" && chown nobody:nogroup "$place" && chmod 755 "$place" || {
    tests=0 failures=("(cannot-make-directory)") seconds=0
    return
  }
  begin=$(date +%s%N)
  (
    script=("$scratch/suite/test/$file.test")
    [[ ${#program[@]} == 0 ]] || script=("${program[@]}" "$file.test")
    cd "$place" && exec timeout -k 20 "$limit" setpriv --reuid=nobody --regid=nogroup --clear-groups \
      env HOME="$scratch/tmp" TMPDIR="$scratch/tmp" "$scratch/suite/testfixture" \
      "${script[@]}" < /dev/null > "$log" 2>&1
  )
  status=$?
  end=$(date +%s%N)
  seconds=$(((end - begin) / 100000000))
  seconds="$((seconds / 10)).$((seconds % 10))"
  tests="$(sed -nE 's/^[0-9]+ errors out of ([0-9]+) tests.*/\1/p' "$log" | tail -1)"
  mapfile -t failures < <(sed -nE 's/^! +([^ ]+) expected:.*/\1/p; s/^!Failures on these tests: //p' "$log" \
    | tr ' ' '\n' | grep -v '^$' | sort -u)
  if [[ -z "$tests" ]]; then
    tests=0
    if [[ $status == 124 || $status == 137 ]]; then failures+=("(timeout)"); else failures+=("(died)"); fi
  fi
  timeout 60 rm -rf "$place"
}

# A mount that ended in the middle leaves a plain directory behind, on which everything passes.
device="$(stat -c %d "$mounted")"
still_there() { [[ "$(timeout 60 stat -c %d "$mounted" 2> /dev/null)" == "$device" ]]; }

# listed FILE TEST: whether the list of expected failures has it.
listed() {
  local pattern
  while read -r pattern; do
    # shellcheck disable=SC2053
    [[ "$2" == $pattern ]] && return 0
  done < <(awk -v f="$1" '$1 == f { print $2 }' "$expected")
  return 1
}

passed=0 failed=0 as_expected=0 machine=0 unexpected_passes=0 plain_passed=0
problems=()
for file in "${files[@]}"; do
  one "$file" "$plain/run-$$" plain
  base_failures=("${failures[@]}")
  base_tests=$tests
  base_seconds=$seconds
  plain_passed=$((plain_passed + tests - ${#failures[@]}))
  one "$file" "$mounted" mounted
  if ! still_there; then
    echo "run.sh: the file system of $target went away during $file; see its log, nothing after it was run" >&2
    exit 1
  fi
  verdict=ok
  bad=0
  for name in "${failures[@]}"; do
    if [[ " ${base_failures[*]} " == *" $name "* ]]; then
      machine=$((machine + 1))
      echo "  $file: $name fails on the plain directory as well"
    elif listed "$file" "$name"; then
      as_expected=$((as_expected + 1))
    else
      bad=$((bad + 1))
      problems+=("$file $name fails, see $logs/$file.mounted.log")
    fi
  done
  while read -r pattern; do
    seen=no
    for name in "${failures[@]}"; do
      # Unquoted: a pattern.
      # shellcheck disable=SC2053
      [[ "$name" == $pattern ]] && seen=yes
    done
    if [[ $seen == no ]]; then
      unexpected_passes=$((unexpected_passes + 1))
      problems+=("$file $pattern is listed as an expected failure and passes: remove the line")
      verdict=FAILED
    fi
  done < <(awk -v f="$file" '$1 == f { print $2 }' "$expected")
  # Some files repeat a case until chance has it that nothing crashes (crash-4.2), so a few tests
  # more or less mean nothing. Many less mean that the file stopped somewhere.
  if [[ ${#failures[@]} == 0 ]] && ((tests * 10 < base_tests * 9)); then
    bad=$((bad + 1))
    problems+=("$file ran $tests tests, $base_tests on the plain directory")
  fi
  [[ $bad == 0 ]] || verdict=FAILED
  failed=$((failed + bad))
  good=$((tests - ${#failures[@]}))
  ((good < 0)) || passed=$((passed + good))
  printf '%-14s %-6s %6d tests %8s s, plain %8s s\n' "$file" "$verdict" "$tests" "$seconds" "$base_seconds"
done

echo
for problem in "${problems[@]}"; do echo "PROBLEM: $problem"; done
echo "$passed passed, $failed failed, $as_expected failed as expected, $machine failed on the plain" \
  "directory too, $unexpected_passes expected failures passed (plain directory: $plain_passed passed)"
[[ $failed == 0 && $unexpected_passes == 0 ]]
