"""The shell texts that move files: constant, run as `sh -c TEXT WORD PATH…`, with GNU `cp` and `find`.

A shell and `cp` cost some 3 ms for each activity, of which an interpreter alone would take 15.
What lies at a destination is taken away and never written into: it may be a link that leads elsewhere, a file
that is also another's, or one that is read-only.  No link below a destination is followed.
"""

from __future__ import annotations

from headrace.dialects.akoflow.directories import LISTS

# Of the directories that are named on standard input, outer ones before what is in them, links and files that
# lie where one of them has to be are removed, and those that cannot be written into are made writable: `cp`
# gives them the right mode in the end.  A directory is never removed for a file.
_MAKE_ROOM = """
make_room() {
  xargs -0r sh -c '
    for name; do
      way=$0/$name
      if [ -h "$way" ] || { [ -e "$way" ] && ! [ -d "$way" ]; }; then rm -f "$way"
      elif [ -d "$way" ] && ! { [ -w "$way" ] && [ -x "$way" ]; }; then chmod u+wx "$way"
      fi
    done' "$1" 2>/dev/null
}
"""

# Files and empty directories are told by kind, mode, size, time and name, without what lies in the other
# side.  What neither lies so at the target nor is known from before is copied by name, whichever is the newer
# one; `cp` would follow links on the way.
_VOLUMES = f"""{_MAKE_ROOM}
list() {{
  find -H "$1" -mindepth 1 -samefile "$2" -prune -o '(' ! -type d -o -empty ')' -printf '%y%m %s %T@/%P\\0'
}}
changed() {{
  {{ list "$1" "$2"; {{ list "$2" "$1"; known; }} | LC_ALL=C sed -z p; }} |
    LC_ALL=C sort -z | LC_ALL=C uniq -zu
}}
carry() {{
  changed "$1" "$2" | LC_ALL=C sed -zn 's|^d.*|&/.|; s|^[^/]*/||; :up; s|/[^/]*$||; T; p; b up' |
    LC_ALL=C sort -zu | make_room "$2"
  changed "$1" "$2" | LC_ALL=C sed -z 's|^[^/]*/||' |
    (cd "$1" && xargs -0r cp -a --parents --remove-destination --reflink=auto -t "$2" --)
}}
fill() {{
  mkdir -p "$2" || return
  if [ -d "$1" ] && ! [ "$1" -ef "$2" ]; then carry "$1" "$2"; fi
}}
listed() {{ {{ list "$1" "$2"; cat "$3" 2>/dev/null; }} | LC_ALL=C sort -zu; }}
"""

# A failure must not keep the results of other volumes from coming back. What `cp` says of one volume may be
# long, and of standard error only the end is shown as the reason, so the names of all come last.
_TRANSFER = """
failed=
while [ $# -gt 3 ]; do
  why=$(transfer "$@" 2>&1) || {
    failed="$failed, '$3'"
    printf '%s\\n' "$why" | head -n 3 >&2
  }
  shift 4
done
[ -z "$failed" ] || { printf 'Not all files could be copied to: %s.\\n' "${failed#, }" >&2; exit 1; }
"""

SOURCE_MISSING = 66
"""Exit code where the local side of a volume does not exist (`EX_NOINPUT` of sysexits.h)."""

NO_TARGET = 73
"""Exit code where the directory to be filled cannot be made (`EX_CANTCREAT` of sysexits.h)."""

# What `local` had is listed before it is copied: what changes meanwhile counts as changed later.
VOLUMES_IN = f"""{_VOLUMES}
check() {{
  missing=
  while [ $# -gt 3 ]; do
    if [ -n "$2" ] && ! [ -d "$2" ]; then missing="$missing, '$2'"; fi
    shift 4
  done
  [ -z "$missing" ] || {{
    printf 'Volumes need directories that do not exist: %s.\\n' "${{missing#, }}" >&2
    exit {SOURCE_MISSING}
  }}
}}
known() {{ if [ -n "$there" ]; then cat "$lists/$number" "$lists/$number.back" 2>/dev/null; fi; }}
transfer() {{
  number=$1 there=
  if [ -z "$lists" ]; then fill "$2" "$3"; return; fi
  [ "$reuses" = true ] || rm -f "$lists/$1" "$lists/$1.back"
  if [ -d "$3" ]; then there=yes; else mkdir -p "$3" || return; fi
  if ! [ -d "$2" ]; then return; fi
  listed "$2" "$3" "$lists/$1" > "$lists/$1.new" && fill "$2" "$3" && mv "$lists/$1.new" "$lists/$1"
}}
home=$1 reuses=$2
shift 2
[ "$0" = lenient ] || check "$@"
lists=
[ -z "$home" ] || {{ lists=$home{LISTS}; mkdir -p "$lists"; }}
{_TRANSFER}"""
"""`strict` or `lenient`, the private directory, whether earlier results are used, and of each volume its
number, its two sides and nothing; an empty side begins empty.

Beside the private directory it keeps a list of what each volume had.  Where earlier results are used, what
has not changed since is not brought again: an activity whose result is used may have changed it.
"""

VOLUMES_OUT = f"""{_VOLUMES}
known() {{
  if [ -z "$lists" ] || [ -z "$there" ]; then return; fi
  cat "$lists/$number.back" 2>/dev/null
  printf '%s\\n' "$inside" | while IFS=/ read -r other way; do
    if [ -z "$other" ] || ! [ -f "$lists/$other" ]; then continue; fi
    way=$(printf '%s' "$way" | sed 's/[&|\\\\]/\\\\&/g')
    LC_ALL=C sed -z "s|/|/${{way:+$way/}}|" "$lists/$other"
  done
}}
transfer() {{
  if [ -z "$3" ]; then return; fi
  number=$1 inside=$4 there=
  [ -d "$3" ] && there=yes
  fill "$2" "$3" || return
  if [ -z "$lists" ] || ! [ -d "$2" ]; then return; fi
  back=$lists/$1.back
  listed "$2" "$3" "$back" > "$back.new" && mv "$back.new" "$back"
}}
home=$1
shift
lists=
if [ -n "$home" ] && [ -d "$home{LISTS}" ]; then lists=$home{LISTS}; fi
{_TRANSFER}"""
"""Any word, the private directory, and of each volume its number, its two sides, and lines: the number of
each volume that is brought there or into it, a slash, and the way to its place.

What does not exist is not brought, and neither is what still is as it was brought in or back: `local` may
have changed, and of what another volume brought in only that one is the source.
"""

# Two directories of one name are no clash, whatever their number: they count once.
_CLASHES = """
clashes() {
  {
    find -H "$@" ! -type d -printf '%P\\0'
    find -H "$@" -mindepth 1 -type d -printf '%P\\0' | LC_ALL=C sort -zu
  } 2>/dev/null | LC_ALL=C sort -z | LC_ALL=C uniq -zd | xargs -0r printf '%s//\\n'
}
"""

BRING = f"""{_MAKE_ROOM}{_CLASHES}
if [ "$0" = hard ]; then how=-al; else how=-a; fi
copy() {{ cp $how --remove-destination --reflink=auto "$1/." "$2/"; }}
carry() {{
  copy "$1" "$2" 2>/dev/null && return
  (cd "$1" && find . -type d -print0) 2>/dev/null | make_room "$2"
  copy "$1" "$2"
}}
target=$1; shift
mkdir -p "$target" || exit {NO_TARGET}
[ $# -lt 2 ] || clashes "$@"
for source; do
  if [ -d "$source" ]; then carry "$source" "$target" || exit 1; fi
done
[ -w "$target" ] || chmod u+w "$target"
"""
"""`copy` or `hard`, the directory to be filled, and those brought into it, of which later ones win.

It writes the names that several of these have, as `clashes_in` reads them.  Modes are brought along, but the
activity may write into its own directory.
"""


def clashes_in(output: str) -> list[str]:
    """Return the names that `BRING` wrote to standard output: those that several directories have.

    A name may have any character but two slashes in a row, so these stand behind each.
    """
    return output.split("//\n")[:-1]
