"""The named queries of `sql/queries.sql`."""

from pathlib import Path

from services.kit.sql import Queries

QUERIES = Queries(Path(__file__).parent / "sql" / "queries.sql")
