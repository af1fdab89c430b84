"""Looks for a text in every table of a database, whatever the column's type."""

import asyncpg

_TABLES = """
SELECT c.relname FROM pg_class AS c
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace ORDER BY c.relname
"""


async def tables_with(connection: "asyncpg.Connection[asyncpg.Record]", *texts: str) -> list[str]:
    """Tables in which some row holds one of the texts: as text, in JSON, in an array, or among raw bytes.

    A row cast to text writes bytea in hexadecimal, so that is looked for as well; months are tables of their own.
    """
    found = []
    for (table,) in await connection.fetch(_TABLES):
        patterns = [f"%{text}%" for text in texts] + [f"%{text.encode().hex()}%" for text in texts]
        query = f'SELECT EXISTS (SELECT FROM "{table}" AS t WHERE t::text LIKE ANY ($1::text[]))'
        if await connection.fetchval(query, patterns):
            found.append(table)
    return found
