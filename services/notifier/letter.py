"""What a person reads, before any channel gives it a form: composed from a recognition and who gave it."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from schemas.models.entries import RecognitionV1

SUBJECT_CHARS_MAX = 120
# Signs that reorder what follows them: a name or title could pretend to be something else.
_REORDERING = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c")
_BREAKS = re.compile("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Letter:
    """One message in plain words. Every text is shown as it is, never interpreted; empty ones are left out."""

    subject: str
    """One line, at most SUBJECT_CHARS_MAX characters; no private words."""
    preview: str
    """One line that mail programs show beside the subject; no private words either."""
    headline: str
    """One line: what happened."""
    title: str
    """One line: what for."""
    words: tuple[str, ...]
    """Paragraph lines: the giver's words, or what was done."""
    signature: str
    """Who said the words; empty when nobody said them."""
    impact: tuple[str, ...]
    """Paragraph lines: why it mattered."""
    notes: tuple[str, ...]
    """A few short sentences that place it: skills, goal, value."""
    answer: str
    """How to answer, one sentence."""
    privacy: str
    """Who else sees it, one sentence."""


def compose(recognition: RecognitionV1, giver: str | None, *, giver_erased: bool, answerable: bool) -> Letter:
    """The letter of one recognition.

    giver: name of the person who gave it, if the directory has it. answerable: a reply reaches them.
    """
    by_person = recognition.by == "person"
    name = one_line(giver) if giver else ("A former colleague" if giver_erased else "A colleague")
    headline = f"{name} thanked you" if by_person else _HEADLINES[recognition.kind]
    title = one_line(recognition.title)
    words = lines_of(recognition.words)
    return Letter(
        subject=_subject(recognition, headline, title),
        preview=_PRIVACY[recognition.visibility] if _keeps_quiet(recognition) else title,
        headline=headline,
        title="" if recognition.kind == "thanks" or _begins_with(words, title) else title,
        words=words,
        signature=name if by_person and words else "",
        impact=lines_of(recognition.impact),
        notes=_notes(recognition),
        answer=f"To answer {name}, simply reply to this mail." if by_person and answerable else "",
        privacy=_PRIVACY[recognition.visibility],
    )


_HEADLINES = {
    "thanks": "You were thanked",
    "achievement": "Your work was noticed",
    "milestone": "You reached a milestone",
    "help": "Your help made a difference",
    "courage": "You tried something new",
    "award": "An award for you",
    "anniversary": "A day to look back",
}
_PRIVACY = {
    "private": "Only you received this.",
    "team": "This one may be shown to your team, if you want it so.",
    "public": "This one may be shown to everybody here, if you want it so.",
}
_BASIS = {
    "effort": "It is the effort that counts here, whatever comes of it.",
    "result": "It is about what came of it.",
    "both": "",
}


def _subject(recognition: RecognitionV1, headline: str, title: str) -> str:
    if _keeps_quiet(recognition):
        return shorten(headline, SUBJECT_CHARS_MAX)
    return shorten(f"{headline}: {title}", SUBJECT_CHARS_MAX)


def _keeps_quiet(recognition: RecognitionV1) -> bool:
    """A note from a person, and all that is private, tells a list of mails no more: others may see the screen."""
    return recognition.by == "person" or recognition.visibility == "private"


def _notes(recognition: RecognitionV1) -> tuple[str, ...]:
    notes = []
    if recognition.by != "person" and _BASIS[recognition.basis]:
        notes.append(_BASIS[recognition.basis])
    if recognition.skills:
        notes.append(f"Skills it shows: {_listed([_spoken(skill) for skill in recognition.skills])}.")
    if recognition.goal:
        notes.append(f"The goal it served: {_spoken(recognition.goal)}.")
    if recognition.value:
        notes.append(f"What it stands for: {_spoken(recognition.value)}.")
    return tuple(notes)


def _spoken(slug: str) -> str:
    return slug.replace("-", " ").replace("_", " ").strip() or slug


def _listed(items: Sequence[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def _begins_with(words: Sequence[str], title: str) -> bool:
    """The title only repeats the first words: some notes have no title of their own."""
    start = title.rstrip("….").casefold().strip()
    return bool(words) and bool(start) and " ".join(words).casefold().startswith(start)


def lines_of(text: str) -> tuple[str, ...]:
    """Text as lines without control characters and reordering signs; blank lines at the ends are dropped."""
    return (
        tuple(_inert(line).rstrip() for line in _BREAKS.sub("\n", text).strip().split("\n"))
        if text.strip()
        else ()
    )


def one_line(text: str) -> str:
    """Text as one line: breaks and runs of white space become a space, control characters go."""
    return " ".join(_inert(_BREAKS.sub(" ", text).replace("\n", " ")).split())


def shorten(line: str, chars_max: int) -> str:
    """At most `chars_max` characters, cut at a space where there is one, with an ellipsis."""
    if len(line) <= chars_max:
        return line
    cut = line[: chars_max - 1]
    head, space, _ = cut.rpartition(" ")
    return f"{(head if space and len(head) > chars_max // 2 else cut).rstrip()}…"


def _inert(line: str) -> str:
    return "".join(
        character
        for character in line.replace("\t", "    ")
        if character not in _REORDERING and unicodedata.category(character) not in ("Cc", "Cs")
    )
