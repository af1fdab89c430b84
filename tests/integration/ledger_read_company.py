"""Histories written straight into a ledger's tables, for tests of what reads them; projections come from the folds."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.kit import ids
from services.ledger.domain import BASES, BY, CELEBRATE, KINDS, SIZES, SUBKINDS, VISIBILITIES

_FOLDS = """
DELETE FROM standing; DELETE FROM recognition_day; DELETE FROM deed;
INSERT INTO standing (employee, last_received_at, last_from_manager_at, last_from_peer_at, last_given_at,
    last_growth_at, last_purpose_at, last_lead_at, last_deed_at, received_count, given_count, deed_count,
    withdrawal_count) SELECT * FROM standing_fold;
INSERT INTO recognition_day (employee, day, effort_count, result_count, both_count, automatic_count, purpose_count,
    given_count) SELECT * FROM recognition_day_fold;
INSERT INTO deed (employee, cause_source, cause_id, deed_id, occurred_at, answered_at) SELECT * FROM deed_fold;
"""


class Company:
    """A company being written down."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self.connection = connection
        self._offset = 0

    async def person(
        self,
        employee: str,
        name: str = "Somebody",
        *,
        team: str = "firmware",
        manager: str | None = None,
        start: date = date(2024, 3, 1),
        status: Sequence[tuple[date, str]] = (),
        formerly: Sequence[str] = (),
        timezone: str = "Europe/Rome",
    ) -> None:
        """Somebody of the directory, with one team and one manager from the start on."""
        await self.connection.execute(
            """INSERT INTO person VALUES ($1, now(), $1, '', $2, $3, 'en', $4, ARRAY[$5::date], ARRAY[$6::text],
               ARRAY[$5::date], ARRAY[$7::text], $8, $9)""",
            employee,
            name,
            timezone,
            list(formerly),
            start,
            team,
            manager or "",
            [start, *(since for since, _ in status)],
            ["active", *(what for _, what in status)],
        )

    async def prefers(self, employee: str, celebrate: str) -> None:
        """Their wish for how widely recognitions may be seen."""
        await self.connection.execute(
            """INSERT INTO preference VALUES ($1, now(), 'p', $2)
               ON CONFLICT (employee) DO UPDATE SET celebrate = excluded.celebrate""",
            employee,
            CELEBRATE[celebrate],
        )

    async def entry(
        self, kind: str, employee: str, at: datetime, sort: str | None = None, **more: Any
    ) -> UUID:
        """One entry with its words; `more`: by, giver, basis, size, visibility, title, words … as the contracts say."""
        self._offset += 1
        cause = more.get("cause", ("https://work.example", f"cause-{self._offset}"))
        answers = more.get("answers", (None, None))
        entry_id = ids.derive(at, kind, *cause, employee)
        at = datetime.fromtimestamp(ids.id_time_ms(entry_id) / 1000, UTC)
        await self.connection.execute("SELECT make_month($1)", at.date().replace(day=1))
        row = {
            "occurred_at": at,
            "log_offset": self._offset,
            "log_partition": 0,
            "kind": KINDS[kind],
            "subkind": SUBKINDS.get(sort or ""),
            "by": BY.get(more.get("by", "")),
            "basis": BASES.get(more.get("basis", "")),
            "size": SIZES.get(more.get("size", "")),
            "visibility": VISIBILITIES.get(more.get("visibility", "")),
            "giver_is_manager": more.get("giver_is_manager", False),
            "lead": more.get("lead", False),
            "stretch": more.get("stretch", False),
            "id": entry_id,
            "employee": employee,
            "cause_source": cause[0],
            "cause_id": cause[1],
            "digest": b"",
            "giver": more.get("giver"),
            "accepted_by": more.get("accepted_by"),
            "goal": more.get("goal"),
            "value": more.get("value"),
            "answers_source": answers[0],
            "answers_id": answers[1],
            "withdraws": more.get("withdraws"),
            "skills": list(more["skills"]) if "skills" in more else None,
            "words_digest": b"",
        }
        await self._insert("entry", row)
        lines = more.get("lines")
        text = {name: more.get(name) for name in ("title", "words", "impact")}
        keys = {"occurred_at": at, "entry_id": entry_id, "employee": employee, "salt": b""}
        await self._insert(
            "words",
            {
                **keys,
                **text,
                "links": more.get("links"),
                "lines": None if lines is None else json.dumps(lines),
            },
        )
        return entry_id

    async def thanks(self, employee: str, giver: str, at: datetime, **more: Any) -> UUID:
        """A thank-you note."""
        defaults = {
            "title": "Helped",
            "words": "Thank you.",
            "basis": "effort",
            "size": "small",
            "visibility": "team",
        }
        return await self.entry(
            "recognition", employee, at, "thanks", by="person", giver=giver, **(defaults | more)
        )

    async def withdraw(self, employee: str, entry_id: UUID, at: datetime) -> None:
        """Take an entry back."""
        await self.entry("recognition-withdrawn", employee, at, "recognition", withdraws=entry_id)
        await self.connection.execute("INSERT INTO withdrawal VALUES ($1, $2)", employee, entry_id)

    async def fold(self) -> None:
        """Bring the projections up to date."""
        await self.connection.execute(_FOLDS)

    async def _insert(self, table: str, row: dict[str, Any]) -> None:
        marks = ", ".join(f"${number}" for number in range(1, len(row) + 1))
        await self.connection.execute(
            f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", *row.values()
        )
