"""Which Postgres server history is written to: after a failover the former primary is not to be written to again.

Every promotion of a standby raises the server's timeline. The highest one seen is kept by each process, and in the
metadata of the consumer group's committed offsets, which outlive the process and every database server.
"""

import re
from dataclasses import dataclass

from services.kit.errors import Stop
from services.kit.sql import PLUMBING, AnyConnection

_TEXT = re.compile(r"postgres ([0-9]{1,20}) timeline ([0-9]{1,10})", re.ASCII)


@dataclass(slots=True)
class Lineage:
    """The newest server known. system: Postgres's system identifier, the same for a primary and its standbys."""

    system: int = 0
    timeline: int = 0

    @property
    def text(self) -> str:
        """As kept beside committed offsets; empty when nothing is known."""
        return f"postgres {self.system} timeline {self.timeline}" if self.system else ""

    def learn(self, text: str) -> None:
        """Take over what was kept, where it is newer. Anything else than `text` gives is no news."""
        if found := _TEXT.fullmatch(text):
            system, timeline = int(found[1]), int(found[2])
            if not self.system or (system == self.system and timeline > self.timeline):
                self.system, self.timeline = system, timeline

    async def check(self, connection: AnyConnection) -> None:
        """Compare the server of this connection. A promoted standby, or another system, becomes the newest one.

        Raises Stop `DATABASE_FENCED` for one that was failed over from: it lacks what was stored since.
        """
        row = await connection.fetchrow(PLUMBING["read_lineage"])
        assert row is not None
        if row["system"] == self.system and row["timeline"] < self.timeline:
            raise Stop(
                "DATABASE_FENCED",
                f"this server is on timeline {row['timeline']}, but was failed over to timeline {self.timeline}: "
                "shut it down and rebuild it as a standby (docs/runbooks/failover.md)",
            )
        self.system, self.timeline = row["system"], row["timeline"]
