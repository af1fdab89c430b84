"""The ledger as a process: it signs what it holds as it ends, and whoever has its public key can verify that."""

import asyncpg
import httpx
import pytest

from deploy.local import checkpoint_key
from services.cli.public_keys import read_public_keys
from services.cli.verify.verification import Targets, verify
from tests.e2e.conftest import Home
from tests.e2e.talk import eventually, person, send

pytestmark = pytest.mark.timeout(180)
_UNSIGNED = """SELECT count(*) FROM batch_proof AS p WHERE p.tree_index >= coalesce(
    (SELECT max(tree_size) FROM checkpoint AS c WHERE c.partition = p.partition), 0)"""


async def test_what_the_ledger_holds_is_signed_as_it_ends_and_verifies_beside_the_log(home: Home) -> None:
    ledger, url = home.house["ledger"], home.stack.database_url("ledger")
    connection = await asyncpg.connect(url)
    await send(home, "person", person("e-key", "Kim Ode", "imports"))
    said = {"employee": "e-key", "title": "Keys kept", "basis": "effort", "size": "small"}
    await send(home, "achievement", said)

    async def kept() -> bool:
        return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM entry WHERE employee = 'e-key')"))

    await eventually(kept, "the deed")
    await ledger.stop()
    assert await connection.fetchval(_UNSIGNED) == 0
    await connection.close()
    await ledger.start()

    async with httpx.AsyncClient(base_url=ledger.http_url) as client:
        [key] = (await client.get("/v1/checkpoint-keys")).json()["keys"]
        newest = (await client.get("/v1/checkpoints")).json()["checkpoints"]
    [public_key] = read_public_keys([str(checkpoint_key.public_file(home.stack.folder))])
    assert key["public_key"] == public_key.hex()
    assert {one["key_id"] for one in newest} == {key["key_id"]}
    report = await verify(
        Targets({"ledger": url}, {"bootstrap_servers": home.stack.bootstrap_servers}, [public_key])
    )
    assert [(check.name, check.faults) for check in report.checks if check.faults] == []
    in_the_log = next(check for check in report.checks if check.name == "checkpoints = those in the log")
    assert in_the_log.checked >= len(newest)
