"""A claimed message → what is handed to its channel."""

from datetime import date
from urllib.parse import quote

from schemas.models.people import PersonV1
from services.notifier.channels import Parcel
from services.notifier.domain.addresses import usable_email
from services.notifier.domain.telling import ChannelName
from services.notifier.letter import compose
from services.notifier.store import Message


def make_parcel(
    message: Message, address: str, channel: ChannelName, *, today: date, public_url: str | None
) -> Parcel:
    """The letter with its address. A reply to thanks goes to whoever gave them, while they work here.

    public_url: an address that signs the person in and leads to their page, with `{employee}` for their id.
    """
    intent = message.intent
    assert intent.words is not None, "words go only with an erasure, and that is never sent"
    giver = intent.giver if intent.words.by == "person" else None
    reply_to = None if giver is None or _has_left(giver, today) else giver.email
    if reply_to is not None and not usable_email(reply_to):
        reply_to = None
    letter = compose(
        intent.words,
        None if giver is None else giver.name,
        giver_erased=intent.giver_erased,
        answerable=reply_to is not None and channel == "email",
    )
    page_url = public_url and public_url.replace("{employee}", quote(intent.employee, safe=""))
    return Parcel(message.id, address, letter, reply_to, page_url)


def _has_left(person: PersonV1, today: date) -> bool:
    current = [period.status for period in person.statuses if period.since <= today]
    return current[-1:] == ["left"]
