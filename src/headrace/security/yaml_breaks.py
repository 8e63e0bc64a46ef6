"""Keeps three characters of YAML 1.2 from being read as line breaks, which they were in YAML 1.1.

libyaml ends a line at U+0085, U+2028 and U+2029; since YAML 1.2 (https://yaml.org/spec/1.2.2/, section 5.4)
they are characters like any other.
So each is replaced before the text is scanned by a character that this text has nowhere, one for one, which
leaves lines and columns as they are, and is put back into every scalar.
"""

from __future__ import annotations

from headrace.errors import InvalidDefinition, Problem

_ONCE_BREAKS = "\x85\u2028\u2029"
_PLACEHOLDERS = [chr(code) for code in range(0xE480, 0xE490)]
"""Private-use characters, where the icon fonts that people write with have none.

They are few because each costs a look through the text, which may have been written to make that dear.
"""


def hide(text: str) -> tuple[str, dict[int, str]]:
    """Return the text without these characters, and the table for `str.translate` that puts them back.

    The table is empty, and the text the same, when there is none of them.
    Raises InvalidDefinition with `yaml_too_complex` for a text that uses all that could stand for them.
    """
    found = [character for character in _ONCE_BREAKS if character in text]
    if not found:
        return text, {}
    # An escape in double quotes gives its character only after the scanner, where it would be taken for ours.
    lowered = text.lower() if "\\" in text else ""
    unused: list[str] = []
    for character in _PLACEHOLDERS:
        escapes = (f"\\u{ord(character):04x}", f"\\u{ord(character):08x}")
        if character not in text and not any(escape in lowered for escape in escapes):
            unused.append(character)
            if len(unused) == len(found):
                return _replaced(text, found, unused)
    message = (
        f"The document has U+{ord(found[0]):04X} and also U+{ord(_PLACEHOLDERS[0]):04X} to "
        f"U+{ord(_PLACEHOLDERS[-1]):04X}, which must stand for it while it is read; write it as an escape."
    )
    raise InvalidDefinition([Problem(path="", code="yaml_too_complex", message=message, line=1, column=1)])


def _replaced(text: str, found: list[str], unused: list[str]) -> tuple[str, dict[int, str]]:
    hidden: dict[int, str] = {}
    for character, other in zip(found, unused, strict=True):
        text = text.replace(character, other)
        hidden[ord(other)] = character
    return text, hidden
