"""`waystone prove` and `waystone verify-proof`."""

import asyncio
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from services.cli.errors import EXIT_FAULTS, EXIT_UNREACHABLE, CliError
from services.cli.output import JsonOption, note, print_json
from services.cli.proofs.file import BYTES_MAX, EntryProof, ForgedProof, parse
from services.cli.proofs.make import prove as make_proof
from services.cli.public_keys import KeyOption, read_public_keys
from services.cli.servers import database_complaints, find_servers, reading
from services.cli.verify.digests import key_id


def prove(
    entry: Annotated[UUID, typer.Argument(help="Id of an entry of history.")],
    out: Annotated[Path | None, typer.Option(help="Where to write the proof; stdout when absent.")] = None,
) -> None:
    """Write a proof that an entry is in history, for somebody who has no access to it. It discloses no word of it."""
    url = find_servers().need_databases().get("ledger")
    if url is None:
        raise CliError("SERVERS_UNKNOWN", "set LEDGER_DATABASE_URL", EXIT_UNREACHABLE)
    proof = asyncio.run(_prove(url, entry))
    if out is None:
        print(proof.render().decode(), end="")
    else:
        try:
            out.write_bytes(proof.render())
        except OSError as error:
            raise CliError("FILE_UNUSABLE", f"{out}: {error.strerror}") from None
    note(f"proves: {_sentence(proof)}")


def verify_proof(
    file: Annotated[Path, typer.Argument(help="What `waystone prove` wrote.")],
    key: KeyOption,
    as_json: JsonOption = False,
) -> None:
    """Check a proof with nothing but the public key, and say what it proves. Exit 1 when it proves nothing."""
    keys = read_public_keys(key)
    try:
        with file.open("rb") as source:
            proof = parse(source.read(BYTES_MAX + 1))
        proof.check({key_id(one): one for one in keys})
    except OSError as error:
        raise CliError("FILE_UNUSABLE", f"{file}: {error.strerror}") from None
    except ForgedProof as error:
        raise CliError(error.code, error.sentence, EXIT_FAULTS) from None
    if as_json:
        print_json({"proved": True, "entry": proof.entry_id, "columns_digest": proof.columns.hex(),
                    "words_digest": proof.words.hex(), "partition": proof.partition, "tree_size": proof.tree_size,
                    "signed_at": proof.signed_at.isoformat(), "key_id": proof.key_id})  # fmt: skip
    else:
        print(_sentence(proof))


async def _prove(url: str, entry: UUID) -> EntryProof:
    with database_complaints("ledger"):
        async with reading("ledger", url) as connection:
            return await make_proof(connection, entry)


def _sentence(proof: EntryProof) -> str:
    return (
        f"entry {proof.entry_id}, whose columns have the digest {proof.columns.hex()} and whose words had the salted "
        f"digest {proof.words.hex()}, was in the history when key {proof.key_id} signed the checkpoint of "
        f"{proof.tree_size:,} batches of partition {proof.partition} at {proof.signed_at:%Y-%m-%d %H:%M:%S} UTC"
    )
