"""What arrived, newest kept, bounded in number and in bytes."""

from __future__ import annotations

import email
import email.policy
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Any, Generic, Protocol, TypeVar

MAILS_MAX = 20_000
CHATS_MAX = 20_000
STORE_BYTES_MAX = 256 * 1024 * 1024


class Kept(Protocol):
    """Something that arrived: numbered from 1 in order of arrival."""

    @property
    def id(self) -> int:
        """Its number, from 1, rising by one."""
        ...

    @property
    def size_bytes(self) -> int:
        """Bytes it holds."""
        ...


Item = TypeVar("Item", bound=Kept)


class Newest(Generic[Item]):
    """The newest items, at most `items_max` of them and `bytes_max` together."""

    def __init__(self, items_max: int, bytes_max: int = STORE_BYTES_MAX) -> None:
        self._items: deque[Item] = deque()
        self._items_max = items_max
        self._bytes_max = bytes_max
        self._bytes = 0
        self.received = 0

    @property
    def next_id(self) -> int:
        """The id the next item must carry."""
        return self.received + 1

    def add(self, item: Item) -> list[Item]:
        """Keep an item with id `next_id`; return the oldest ones that had to go."""
        assert item.id == self.next_id
        self.received += 1
        self._items.append(item)
        self._bytes += item.size_bytes
        gone = []
        while len(self._items) > self._items_max or (self._bytes > self._bytes_max and len(self._items) > 1):
            gone.append(self._items.popleft())
            self._bytes -= gone[-1].size_bytes
        return gone

    def get(self, item_id: int) -> Item | None:
        """Return one item, or None if it never was or is gone."""
        if not self._items or not self._items[0].id <= item_id <= self._items[-1].id:
            return None
        return self._items[item_id - self._items[0].id]

    def after(self, item_id: int, limit: int) -> list[Item]:
        """Return up to `limit` items with a greater id, oldest first."""
        if not self._items:
            return []
        first = max(item_id + 1, self._items[0].id)
        return [item for item in map(self.get, range(first, first + limit)) if item is not None]

    def before(self, item_id: int, limit: int) -> list[Item]:
        """Return up to `limit` items with a smaller id, newest first."""
        if not self._items:
            return []
        last = min(item_id - 1, self._items[-1].id)
        return [item for item in map(self.get, range(last, last - limit, -1)) if item is not None]

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items)


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail as it came. `sender` and `recipients` are of the envelope, the rest of the header."""

    id: int
    received_at: datetime
    sender: str
    recipients: tuple[str, ...]
    message_id: str
    subject: str
    source: bytes

    @property
    def size_bytes(self) -> int:
        """Bytes of the source."""
        return len(self.source)

    def parse(self) -> EmailMessage:
        """Return the mail taken apart; defects are tolerated."""
        return parse_mail(self.source)


@dataclass(frozen=True, slots=True)
class Chat:
    """One message posted to a chat webhook."""

    id: int
    received_at: datetime
    channel: str
    payload: dict[str, Any]
    size_bytes: int


def parse_mail(source: bytes) -> EmailMessage:
    """Take a mail apart; defects are tolerated."""
    return email.message_from_bytes(source, policy=email.policy.default)


def header(message: EmailMessage, name: str) -> str:
    """Return a header as one line of text, at most 500 characters; empty if absent or beyond repair."""
    try:
        return " ".join(str(message.get(name, "")).split())[:500]
    except (ValueError, IndexError, AttributeError):  # the parser trips over some malformed values
        return ""


class Mailbox:
    """Mails and chat messages, with the number of copies of each Message-ID among those kept."""

    def __init__(self, mails_max: int = MAILS_MAX, chats_max: int = CHATS_MAX) -> None:
        self.mails: Newest[Mail] = Newest(mails_max)
        self.chats: Newest[Chat] = Newest(chats_max)
        self._copies: Counter[str] = Counter()

    def add_mail(
        self, sender: str, recipients: tuple[str, ...], source: bytes, received_at: datetime
    ) -> Mail:
        """Keep a mail."""
        message = parse_mail(source)
        message_id, subject = header(message, "Message-ID"), header(message, "Subject")
        mail = Mail(self.mails.next_id, received_at, sender, recipients, message_id, subject, source)
        self._copies[mail.message_id] += 1
        for gone in self.mails.add(mail):
            self._copies[gone.message_id] -= 1
            if self._copies[gone.message_id] == 0:
                del self._copies[gone.message_id]
        return mail

    def add_chat(self, channel: str, payload: dict[str, Any], size_bytes: int, received_at: datetime) -> Chat:
        """Keep a chat message."""
        chat = Chat(self.chats.next_id, received_at, channel, payload, size_bytes)
        self.chats.add(chat)
        return chat

    def copies(self, mail: Mail) -> int:
        """Return how many of the kept mails carry this one's Message-ID, itself included (1 if it has none)."""
        return self._copies[mail.message_id] if mail.message_id else 1

    def distinct_message_ids(self) -> int:
        """Return how many different Message-IDs the kept mails carry."""
        return len([message_id for message_id in self._copies if message_id])
