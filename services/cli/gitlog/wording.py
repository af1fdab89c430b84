"""The words of a thank-you note made from a trailer. Which of several is used hangs on the commit, not on chance."""

from schemas.fields import Basis

QUOTED_CHARS_MAX = 120

_NOTES: dict[str, tuple[str, ...]] = {
    "co-authored": (
        "“{title}” is your work as much as mine. Thank you for writing it with me.",
        "Thank you for building “{title}” together with me; half of it is yours.",
    ),
    "mentored": (
        "Thank you for guiding me through “{title}”. I learnt more than the change shows.",
        "You mentored me on “{title}”. Thank you for your time and your patience.",
    ),
    "helped": (
        "Thank you for your help with “{title}”. It would have taken me far longer alone.",
        "“{title}” came out better because you helped. Thank you.",
        "Thank you for stepping in on “{title}”.",
    ),
    "reviewed": (
        "Thank you for reviewing “{title}” so carefully.",
        "Your review of “{title}” made me surer of it. Thank you for reading it closely.",
        "Thank you for the time you took to read “{title}”.",
    ),
    "reported": (
        "Thank you for reporting what became “{title}”. Without you nobody would have known.",
        "You noticed the problem behind “{title}” and told us. Thank you.",
        "Thank you for taking the trouble to report what “{title}” now settles.",
    ),
    "tested": (
        "Thank you for testing “{title}” before it went in.",
        "You tried out “{title}” so that others would not stumble. Thank you.",
    ),
    "suggested": (
        "“{title}” was your idea. Thank you for suggesting it.",
        "Thank you for the suggestion that led to “{title}”.",
    ),
    "acked": (
        "Thank you for looking at “{title}” and standing behind it.",
        "Your go-ahead on “{title}” meant a lot. Thank you.",
    ),
}
_ALSO = {
    "co-authored": "you wrote part of it",
    "mentored": "you guided me",
    "helped": "you helped along the way",
    "reviewed": "you reviewed it",
    "reported": "you reported the problem",
    "tested": "you tested it",
    "suggested": "the idea was yours",
    "acked": "you stood behind it",
}
_BASIS: dict[str, Basis] = {
    "reviewed": "effort",
    "tested": "effort",
    "reported": "effort",
    "mentored": "effort",
}
_SKILL = {"reviewed": "code-review", "tested": "testing", "reported": "bug-hunting", "mentored": "mentoring"}


def note(hows: list[str], title: str, choice: int) -> str:
    """Words for what one person is credited with. hows: at least one key of HOW; choice: any number ≥ 0."""
    if len(title) > QUOTED_CHARS_MAX:
        title = title[:QUOTED_CHARS_MAX].rstrip() + "…"
    ranked = [how for how in _NOTES if how in hows]
    variants = _NOTES[ranked[0]]
    text = variants[choice % len(variants)].format(title=title)
    if len(ranked) == 1:
        return text
    return f"{text} And {' and '.join(_ALSO[how] for how in ranked[1:])}: thank you for that too."


def basis(hows: list[str]) -> Basis:
    """What the thanks are for: effort, unless something was made or thought up."""
    return "effort" if all(how in _BASIS for how in hows) else "both"


def skills(hows: list[str], areas: tuple[str, ...]) -> tuple[str, ...]:
    """Strengths at work: the kind of help, or else the area it was in."""
    return tuple(_SKILL[how] for how in _NOTES if how in hows and how in _SKILL) or areas[:1]
