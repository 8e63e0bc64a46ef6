"""The shell texts that move files: constant, run as `sh -c TEXT WORD PATH…`, with GNU `cp` and `find`.

A shell and `cp` cost some 3 ms for each activity, of which an interpreter alone would take 15.
What lies at a destination is taken away and never written into: it may be a link that leads elsewhere, a file
that is also another's, or one that is read-only.  No link below a destination is followed.
"""

from __future__ import annotations

# Where copying has failed, links and files where a directory has to be are removed, and directories that
# cannot be written into are made writable: `cp` gives them the right mode in the end.  A directory is never
# removed for a file.  `find` names directories before what is in them.
_CAREFULLY = """
make_room() {
  (cd "$1" && find . -type d -exec sh -c '
    for name; do
      way=$0/$name
      if [ -h "$way" ] || { [ -e "$way" ] && ! [ -d "$way" ]; }; then rm -f "$way"
      elif [ -d "$way" ] && ! { [ -w "$way" ] && [ -x "$way" ]; }; then chmod u+wx "$way"
      fi
    done' "$2" {} +) 2>/dev/null
}
carry() {
  copy "$1" "$2" 2>/dev/null && return
  make_room "$1" "$2"
  copy "$1" "$2"
}
"""

# What differs in kind, mode, size or time is copied by name, whichever is the newer one; such a name lies in
# both trees, so the directories that lead to it are no links.  Everything else that `cp -u` finds is new, and
# the directories themselves; it would pass over a directory in the place of a file.
_VOLUMES = f"""{_CAREFULLY}
list() {{ find -H "$@" -printf '%y%m %s %T@/%P\\0'; }}
differing() {{
  {{ list "$1" ! -type d; list "$2" -mindepth 1; }} | LC_ALL=C sort -z | LC_ALL=C uniq -zu |
    LC_ALL=C sed -z 's|^[^/]*/||' | LC_ALL=C sort -z | LC_ALL=C uniq -zd
}}
copy() {{
  differing "$1" "$2" |
    (cd "$1" && xargs -0r cp -a --parents --remove-destination --reflink=auto -t "$2" --)
  changed=$?
  cp -au --remove-destination --reflink=auto "$1/." "$2/" && return $changed
}}
"""

# A failure must not keep the results of other volumes from coming back. What `cp` says of one volume may be
# long, and of standard error only the end is shown as the reason, so the names of all come last.
_TRANSFER = """
transfer() {
  mkdir -p "$2" || return
  if [ -d "$1" ] && ! [ "$1" -ef "$2" ]; then carry "$1" "$2"; fi
}
failed=
while [ $# -gt 1 ]; do
  why=$(transfer "$1" "$2" 2>&1) || {
    failed="$failed, '$2'"
    printf '%s\\n' "$why" | head -n 3 >&2
  }
  shift 2
done
[ -z "$failed" ] || { printf 'Not all files could be copied to: %s.\\n' "${failed#, }" >&2; exit 1; }
"""

SOURCE_MISSING = 66
"""Exit code where the local side of a volume does not exist (`EX_NOINPUT` of sysexits.h)."""

NO_TARGET = 73
"""Exit code where the directory to be filled cannot be made (`EX_CANTCREAT` of sysexits.h)."""

VOLUMES_IN = f"""{_VOLUMES}
check() {{
  missing=
  while [ $# -gt 1 ]; do
    if [ -n "$1" ] && ! [ -d "$1" ]; then missing="$missing, '$1'"; fi
    shift 2
  done
  [ -z "$missing" ] || {{
    printf 'Volumes need directories that do not exist: %s.\\n' "${{missing#, }}" >&2
    exit {SOURCE_MISSING}
  }}
}}
[ "$0" = lenient ] || check "$@"
{_TRANSFER}"""
"""`strict` or `lenient`, then the two sides of each volume; an empty one begins empty."""

VOLUMES_OUT = f"""{_VOLUMES}{_TRANSFER}"""
"""Any word, then the two sides of each volume; what does not exist is not brought."""

# Two directories of one name are no clash, whatever their number: they count once.
_CLASHES = """
clashes() {
  {
    find -H "$@" ! -type d -printf '%P\\0'
    find -H "$@" -mindepth 1 -type d -printf '%P\\0' | LC_ALL=C sort -zu
  } 2>/dev/null | LC_ALL=C sort -z | LC_ALL=C uniq -zd | xargs -0r printf '%s//\\n'
}
"""

BRING = f"""{_CAREFULLY}{_CLASHES}
if [ "$0" = hard ]; then how=-al; else how=-a; fi
copy() {{ cp $how --remove-destination --reflink=auto "$1/." "$2/"; }}
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
