#!/bin/bash
# Builds SQLite's own test program (testfixture), and a shell that knows .recover (full-shell), from
# the Debian source package, once, into a cache directory outside this repository. A second call finds it there and needs no network.
#
#   build.sh            prints the directory of the finished build on stdout, progress on stderr
#
# Needs: dpkg-dev, gcc, make, tcl-dev. The system's own package lists stay as they are: the source
# entries live in a private sources list with a private list directory.
set -euo pipefail

cache="${TIDEMARK_SQLITE_SUITE:-${XDG_CACHE_HOME:-$HOME/.cache}/tidemark/sqlite-suite}"
done_mark="$cache/complete"

say() { echo "sqlite-suite: $*" >&2; }

if [[ -f "$done_mark" && -x "$(cat "$done_mark")/testfixture" ]]; then
  cat "$done_mark"
  exit 0
fi

for tool in apt-get dpkg-source gcc make tclsh; do
  if ! command -v "$tool" > /dev/null; then
    say "missing: $tool. Install the packages: apt-get install dpkg-dev gcc make tcl tcl-dev"
    exit 3
  fi
done

mkdir -p "$cache"
exec 9> "$cache/lock"
flock 9
if [[ -f "$done_mark" && -x "$(cat "$done_mark")/testfixture" ]]; then
  cat "$done_mark"
  exit 0
fi

work="$cache/work"
rm -rf "$work" "$done_mark"
mkdir -p "$work/apt/sources.list.d" "$work/apt/lists/partial" "$work/apt/cache/archives/partial"

# Every "deb" entry of the system becomes a "deb-src" entry of the private list, with its keys.
# One-line entries and the newer stanza form are both understood.
shopt -s nullglob
number=0
for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
  [[ -f "$list" ]] || continue
  number=$((number + 1))
  sed -nE 's/^[[:space:]]*deb(-src)?[[:space:]]/deb-src /p' "$list" | grep -E 'debian|ubuntu' | sort -u \
    > "$work/apt/sources.list.d/$number.list" || true
done
for stanza in /etc/apt/sources.list.d/*.sources; do
  grep -qE '^URIs:.*(debian|ubuntu)' "$stanza" || continue
  number=$((number + 1))
  sed -E 's/^Types:.*/Types: deb-src/' "$stanza" > "$work/apt/sources.list.d/$number.sources"
done

private=(
  -o "Dir::Etc::SourceList=/dev/null"
  -o "Dir::Etc::SourceParts=$work/apt/sources.list.d"
  -o "Dir::State::Lists=$work/apt/lists"
  -o "Dir::Cache=$work/apt/cache"
  -o "APT::Sandbox::User="
)
say "reading the source package lists"
apt-get "${private[@]}" -q update >&2
mkdir -p "$work/source"
cd "$work/source"
say "fetching the source of sqlite3"
apt-get "${private[@]}" -q source sqlite3 >&2

source_dir="$(find "$work/source" -mindepth 1 -maxdepth 1 -type d -name 'sqlite3-*' | head -1)"
[[ -n "$source_dir" ]] || { say "the source package did not unpack"; exit 1; }
cd "$source_dir"
tcl_config="$(find /usr/lib -name tclConfig.sh -path '*tcl*' 2> /dev/null | sort | head -1)"
[[ -n "$tcl_config" ]] || { say "tclConfig.sh not found. Install the package tcl-dev"; exit 3; }
say "configuring $(basename "$source_dir")"
./configure --enable-all --with-tcl="$(dirname "$tcl_config")" > configure.log 2>&1 \
  || { tail -20 configure.log >&2; exit 1; }
say "building testfixture (a minute or two)"
make -j"$(nproc)" testfixture > make.log 2>&1 || { tail -20 make.log >&2; exit 1; }

# Debian's shell has no .recover (its library lacks the sqlite_dbpage table): build one that has.
say "building a shell with .recover"
make sqlite3.c shell.c >> make.log 2>&1 \
  && gcc -O1 -w -DSQLITE_ENABLE_DBPAGE_VTAB -o full-shell shell.c sqlite3.c -lm -lpthread -ldl \
    >> make.log 2>&1 \
  || { tail -20 make.log >&2; exit 1; }

# The suite refuses to run as root, so another user must be able to read all of this.
chmod -R a+rX "$source_dir"
rm -rf "$work/apt"
echo "$source_dir" > "$done_mark.new"
mv "$done_mark.new" "$done_mark"
say "ready: $source_dir"
cat "$done_mark"
