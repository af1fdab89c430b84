"""Texts from a repository → texts the contracts accept: one line, bounded, without control characters."""

import hashlib
import re
import unicodedata

TITLE_CHARS_MAX = 200
SLUG_CHARS_MAX = 64
# Characters that reorder what follows them: harmless in a commit, misleading in a mail.
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
_INVISIBLE = frozenset(("Cc", "Cf", "Cs", "Cn", "Co", "Zs", "Zl", "Zp"))


def one_line(text: str, fallback: str) -> str:
    """Return `text` as one line of 1–200 characters; `fallback` when nothing of it can be seen."""
    kept = "".join(" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in text if c not in _BIDI)
    line = " ".join(kept.split())
    if all(unicodedata.category(c) in _INVISIBLE for c in line):
        line = fallback
    return line if len(line) <= TITLE_CHARS_MAX else line[: TITLE_CHARS_MAX - 1].rstrip() + "…"


def slug(text: str) -> str:
    """Return `text` as a slug of 1–64 characters, e.g. `Documentation` → `documentation`.

    A text without Latin letters or digits becomes `x-` and eight digits of its hash.
    """
    folded = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    cleaned = re.sub(r"[^a-z0-9+#._-]+", "-", folded).strip("-._+#")
    if cleaned:
        return cleaned[:SLUG_CHARS_MAX]
    return f"x-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
