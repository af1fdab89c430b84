"""Text from strangers, made harmless for a terminal."""

import unicodedata

_KEPT = frozenset("\n\t")


def inert(text: str, *, lines: bool = False) -> str:
    """Every character that controls rather than shows becomes an escape such as `\\x1b`; bidi overrides, too.

    lines: newlines and tabs stay as they are.
    """
    return "".join(
        character if (lines and character in _KEPT) or not _controls(character) else _escape(character)
        for character in text
    )


def _controls(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
