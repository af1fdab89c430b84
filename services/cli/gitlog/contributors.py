"""Who is who: contacts → opaque ids, and what each person did, added up while the history is read."""

import hashlib
import hmac
import re
from collections import Counter
from dataclasses import dataclass, field

from services.cli.gitlog.commit import Commit, Contact, Credit

ID_HEX_DIGITS = 12
_ROBOT_ADDRESS = re.compile(
    r"\[bot\]|(^|[+.-])(no-?reply|donotreply|bot)@(?!users\.noreply\.)|^(actions|dependabot|renovate)@",
    re.IGNORECASE,
)
_ROBOT_NAME = re.compile(
    r"\[bot\]|(^|[\s_-])bot$|^(github|gitlab|dependabot|renovate|greenkeeper|weblate|github.actions|pre-commit.*ci)$",
    re.IGNORECASE,
)


def is_robot(contact: Contact) -> bool:
    """A machine's address (`noreply@…`, `…[bot]@…`) or name (`… bot`, `dependabot`, `GitHub`)."""
    return bool(_ROBOT_ADDRESS.search(contact.address) or _ROBOT_NAME.search(contact.name.strip()))


def identity(contact: Contact) -> str:
    """What tells one person from another: the address, or the name when there is none; may be empty."""
    return contact.address.strip().lower() or contact.name.strip().lower()


@dataclass(slots=True)
class Contributor:
    """One person's part in the history. Times are seconds since 1970."""

    name: str
    first_at: int
    last_at: int
    own: Counter[str] = field(default_factory=Counter)
    """Own contributions by area."""
    other: Counter[str] = field(default_factory=Counter)
    """Contributions by area that they accepted or are credited in."""

    def seen(self, at: int) -> None:
        """Note that they were there."""
        self.first_at = min(self.first_at, at)
        self.last_at = max(self.last_at, at)


class Contributors:
    """All people of a history. Memory grows with people, not with commits.

    salt: makes the ids of one repository its own; ids say nothing of the address to who does not know both.
    """

    def __init__(self, salt: str) -> None:
        self._salt = salt.encode()
        self._by_id: dict[str, Contributor] = {}
        self._mailmap: dict[Contact, Contact] = {}
        self.accepted: Counter[tuple[str, str]] = Counter()
        """(author, acceptor) → contributions accepted."""

    def __getitem__(self, id_: str) -> Contributor:
        return self._by_id[id_]

    def ids(self) -> list[str]:
        """All ids, in order of first appearance in the history."""
        return sorted(self._by_id, key=lambda id_: (self._by_id[id_].first_at, id_))

    def set_mailmap(self, mapped: dict[Contact, Contact]) -> None:
        """How contacts of trailers are to be read; git maps authors and committers itself."""
        self._mailmap = mapped

    def id_of_address(self, address: str) -> str:
        """Address or name → id, whether known or not."""
        digest = hmac.new(self._salt, address.strip().lower().encode(), hashlib.sha256).hexdigest()
        return f"p-{digest[:ID_HEX_DIGITS]}"

    def id_of(self, contact: Contact) -> str | None:
        """Id of a person; None for a robot, and when there is neither address nor name."""
        if is_robot(contact) or not identity(contact):
            return None
        return self.id_of_address(identity(contact))

    def author_of(self, commit: Commit) -> str | None:
        """Whose contribution it is; None when no person's."""
        return self.id_of(commit.author)

    def acceptor_of(self, commit: Commit) -> str | None:
        """The committer, when another person than the author."""
        acceptor = self.id_of(commit.committer)
        return None if acceptor == self.author_of(commit) else acceptor

    def credited_in(self, commit: Commit) -> dict[str, list[str]]:
        """Person credited → for what (keys of HOW), the author left out."""
        author = self.author_of(commit)
        found: dict[str, list[str]] = {}
        for credit in commit.credits:
            id_ = self.id_of(self._mapped(credit))
            if id_ is not None and id_ != author:
                hows = found.setdefault(id_, [])
                if credit.how not in hows:
                    hows.append(credit.how)
        return found

    def add_work(self, commit: Commit) -> None:
        """Count the author's and the acceptor's part."""
        author, acceptor = self.author_of(commit), self.acceptor_of(commit)
        if author is None:
            return
        self._person(author, commit.author, commit.at).own.update(commit.areas[:1])
        if acceptor is not None:
            self._person(acceptor, commit.committer, commit.at).other.update(commit.areas[:1])
            self.accepted[author, acceptor] += 1

    def add_credits(self, commit: Commit) -> None:
        """Count the parts of those credited; after `set_mailmap`."""
        if self.author_of(commit) is None:
            return
        for credit in commit.credits:
            contact = self._mapped(credit)
            if (id_ := self.id_of(contact)) is not None:
                self._person(id_, contact, commit.at).other.update(commit.areas[:1])

    def _mapped(self, credit: Credit) -> Contact:
        return self._mailmap.get(credit.to, credit.to)

    def _person(self, id_: str, contact: Contact, at: int) -> Contributor:
        person = self._by_id.setdefault(id_, Contributor(contact.name, at, at))
        person.name = person.name or contact.name
        person.seen(at)
        return person
