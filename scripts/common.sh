# Shared by ./tidemark and ./tidemark-test. To be sourced by bash; needs root_dir, the directory of
# the repository.
# shellcheck shell=bash
: "${root_dir:?}"

# Beside the script in an archive or package, else where the build leaves it.
jar="$root_dir/tidemark.jar"
[ -f "$jar" ] || jar="$root_dir/node/target/tidemark.jar"
modules="ltx-format lease database replication-stream fs-mount http-proxy node"

say() { printf '%s\n' "$*" >&2; }
die() {
  say "tidemark: $*"
  exit 1
}

# Prints the major version of a JDK or JRE directory, 0 if it is none.
java_major() {
  local version=""
  if [ -r "$1/release" ]; then
    version=$(sed -n 's/^JAVA_VERSION="\([^"]*\)".*/\1/p' "$1/release")
  elif [ -x "$1/bin/java" ]; then
    version=$("$1/bin/java" -version 2>&1 | sed -n 's/.* version "\([^"]*\)".*/\1/p')
  fi
  version=${version%%[!0-9]*}
  printf '%s\n' "${version:-0}"
}

# Sets java_home and java_version to the first Java 17 or later that has the given program (java, or
# javac for building): $JAVA_HOME, then the one on the PATH, then /usr/lib/jvm.
find_java() {
  local program=$1 on_path="" candidate
  on_path=$(command -v "$program" 2>/dev/null) || on_path=""
  if [ -n "$on_path" ]; then
    on_path=$(readlink -f "$on_path")
    on_path=${on_path%/bin/*}
  fi
  for candidate in "${JAVA_HOME:-}" "$on_path" /usr/lib/jvm/*; do
    if [ -n "$candidate" ] && [ -x "$candidate/bin/$program" ]; then
      java_version=$(java_major "$candidate")
      if [ "$java_version" -ge 17 ]; then
        java_home=$candidate
        return 0
      fi
    fi
  done
  return 1
}

# Prints "VERSION DIRECTORY" of every Java 17 or later that is installed, in order of the version.
all_javas() {
  local candidate version
  for candidate in "${JAVA_HOME:-}" "$(command -v java || true)" /usr/lib/jvm/* /opt/*; do
    candidate=$(readlink -f "$candidate") || continue
    candidate=${candidate%/bin/java}
    [ -x "$candidate/bin/java" ] || continue
    version=$(java_major "$candidate")
    [ "$version" -lt 17 ] || printf '%s %s\n' "$version" "$candidate"
  done | sort -n -u
}

# Prints those of the given Debian packages that are not installed. Of a|b one is enough.
missing_packages() {
  local package
  for package in "$@"; do
    is_installed "$package" || printf '%s ' "$package"
  done
}

is_installed() {
  local name
  for name in ${1//|/ }; do
    [ "$(dpkg-query -W -f='${Status}' "$name" 2>/dev/null)" != "install ok installed" ] || return 0
  done
  return 1
}

# Prints the given packages; of a|b the one that this release of Debian has.
known_packages() {
  local package name
  for package in "$@"; do
    for name in ${package//|/ }; do
      if apt-cache show "$name" >/dev/null 2>&1; then
        package=$name
        break
      fi
    done
    printf '%s ' "${package%%|*}"
  done
}

# Installs the given Debian packages, unless all of them are there.
install_packages() {
  local missing sudo=""
  command -v dpkg-query >/dev/null || die "this installs packages of Debian, which this system is not. Install by hand: $*"
  missing=$(missing_packages "$@")
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "needs packages and is not root. Install as root: apt-get install $missing"
    sudo=sudo
  fi
  say "Installing with apt-get: $missing"
  $sudo apt-get update -qq || die "apt-get update failed; is there a network?"
  # shellcheck disable=SC2086 # a list of packages
  missing=$(known_packages $missing)
  # shellcheck disable=SC2086 # a list of packages
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >&2 ||
    die "apt-get could not install: $missing"
}

# Identifies the dependencies of the build.
pom_sum() {
  (cd "$root_dir" && cat pom.xml ./*/pom.xml | cksum)
}

# Runs Maven; without network once the same command has succeeded with these poms. The first
# argument names the command.
run_maven() {
  local marker="$root_dir/target/$1.online" offline=""
  shift
  find_java javac || die "no JDK 17 or later found. Install one (apt-get install default-jdk-headless) or set JAVA_HOME."
  command -v mvn >/dev/null || die "Maven is missing. Install it: apt-get install maven"
  if [ -f "$marker" ] && [ "$(cat "$marker")" = "$(pom_sum)" ]; then
    offline=-o
  fi
  (cd "$root_dir" && JAVA_HOME=$java_home mvn $offline "$@") || return 1
  mkdir -p "$root_dir/target"
  pom_sum >"$marker"
}

# Shows what Maven does in few lines: modules, and how many files were downloaded.
maven_progress() {
  awk '
    /Downloaded from/ { if (++n % 10 == 0) { printf "\r  downloaded %d files ", n; fflush() } next }
    /^\[INFO\] Building Tidemark/ { if (n) printf "\n"; n = 0; sub(/^\[INFO\] /, "  "); print; fflush(); next }
    /ERROR|BUILD FAILURE/ { print; fflush() }
  ' >&2
}

# Builds the program.
build() {
  local log="$root_dir/target/build.log"
  mkdir -p "$root_dir/target"
  say "Building Tidemark (the first time downloads libraries and takes a minute or two) ..."
  set -o pipefail
  run_maven build -B -pl node -am -DskipTests -Dspotless.apply.skip -Dspotless.check.skip package 2>&1 |
    tee "$log" | maven_progress || die "the build failed; the whole output is in $log"
  [ -f "$jar" ] || die "the build left no $jar; the whole output is in $log"
}

# Whether the program is there and nothing it is made of is newer.
is_up_to_date() {
  [ -f "$jar" ] || return 1
  local module
  for module in $modules; do
    if [ -n "$(find "$root_dir/$module/src/main" "$root_dir/$module/pom.xml" "$root_dir/pom.xml" \
      -type f -newer "$jar" -print -quit 2>/dev/null)" ]; then
      return 1
    fi
  done
}
