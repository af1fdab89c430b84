"""A proof file: small whatever the history, valid as made, refused by name once anything in it is changed."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from services.cli.__main__ import run
from services.cli.proofs.file import EntryProof, ForgedProof, parse
from services.cli.verify import digests, tree

_KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
_PUBLIC = _KEY.public_key().public_bytes_raw()
_KEYS = {digests.key_id(_PUBLIC): _PUBLIC}
_ENTRY = "01a19467-e418-85cd-b2e6-33d02f1ff5e7"
# The ledger's default for the records of one batch, and a history of 10^7 entries in one partition.
_BATCH, _HISTORY = 5_000, 10_000_000


def made(
    place: int = 2, entries_count: int = 5, index: int = 3, tree_size: int = 7, offset: int = 90
) -> EntryProof:
    """A proof that holds, of a tree of which only the path is there: whatever stands beside it was chosen freely."""
    hashes = tree.path_length(place, entries_count) + tree.path_length(index, tree_size)
    unsigned = EntryProof(
        _ENTRY, b"c" * 32, b"w" * 32, place, entries_count, 12, offset, offset + entries_count, b"o" * 32,
        index, [bytes([n]) * 32 for n in range(hashes)], 3, tree_size,
        datetime(2026, 11, 25, 13, 0, 0, 123_000, tzinfo=UTC), digests.key_id(_PUBLIC), b"",
    )  # fmt: skip
    said = unsigned.checkpoint()
    data = digests.checkpoint_data(3, tree_size, said.head, said.signed_at, said.key_id)
    return replace(unsigned, signature=_KEY.sign(data))


def test_a_proof_that_is_read_back_holds() -> None:
    for index in range(7):
        proof = parse(made(index=index).render())
        proof.check(_KEYS)
        assert proof == made(index=index)


def test_a_proof_at_ten_million_entries_has_at_most_2_kilobytes() -> None:
    # The longest paths: one full batch among as many batches of a single entry as there can be.
    batches = _HISTORY - _BATCH + 1
    proof = made(4_000, _BATCH, batches // 2, batches, offset=_HISTORY * 10)
    assert len(proof.path) == 13 + 24
    assert len(proof.render()) <= 2_048
    parse(proof.render()).check(_KEYS)


@given(st.data())
def test_no_byte_of_a_proof_can_be_changed(data: st.DataObject) -> None:
    rendered = made().render()
    at = data.draw(st.integers(0, len(rendered) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != rendered[at]))
    with pytest.raises(ForgedProof):
        parse(rendered[:at] + bytes([other]) + rendered[at + 1 :]).check(_KEYS)


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_whatever_is_no_proof_is_refused(data: bytes) -> None:
    with pytest.raises(ForgedProof):
        parse(data)


_OTHER_HASH = base64.urlsafe_b64encode(b"x" * 32).rstrip(b"=").decode()


def _change(name: str, at: int | None, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        if at is None:
            document[name] = value
        else:
            document[name][at] = value

    return change


_FORGERIES = {
    "another format": (_change("format", None, "waystone-proof-2"), "FORMAT_UNKNOWN"),
    "another entry": (_change("entry", 0, "01a19467-e418-85cd-b2e6-33d02f1ff5e8"), "SIGNATURE_BAD"),
    "other columns": (_change("entry", 1, _OTHER_HASH), "SIGNATURE_BAD"),
    "other words": (_change("entry", 2, _OTHER_HASH), "SIGNATURE_BAD"),
    "another place": (_change("place", 0, 1), "SIGNATURE_BAD"),
    "more entries, as long a path": (_change("place", 1, 6), "SIGNATURE_BAD"),
    "more entries, a longer path": (_change("place", 1, 9), "PATH_LENGTH"),
    "a place outside": (_change("place", 0, 5), "PROOF_MALFORMED"),
    "another epoch": (_change("batch", 0, 13), "SIGNATURE_BAD"),
    "another first offset": (_change("batch", 1, 89), "SIGNATURE_BAD"),
    "another end": (_change("batch", 2, 96), "SIGNATURE_BAD"),
    "other outcomes": (_change("batch", 3, _OTHER_HASH), "SIGNATURE_BAD"),
    "another batch": (_change("index", 0, 2), "SIGNATURE_BAD"),
    "a larger tree": (_change("index", 1, 8), "SIGNATURE_BAD"),
    "a batch outside": (_change("index", 0, 7), "PROOF_MALFORMED"),
    "a shorter path": (_change("path", None, ""), "PATH_LENGTH"),
    "another path": (_change("path", None, base64.urlsafe_b64encode(b"y" * 192).decode()), "SIGNATURE_BAD"),
    "another partition": (_change("checkpoint", 0, 4), "SIGNATURE_BAD"),
    "an earlier time": (_change("checkpoint", 1, "2025-11-25T13:00:00.123Z"), "SIGNATURE_BAD"),
    "a key that is not ours": (_change("checkpoint", 2, "0123456789abcdef"), "KEY_UNKNOWN"),
    "another signature": (_change("checkpoint", 3, base64.urlsafe_b64encode(b"s" * 64).decode()[:-2]), "SIGNATURE_BAD"),
    "a negative number": (_change("batch", 0, -1), "PROOF_MALFORMED"),
    "a truth for a number": (_change("batch", 0, True), "PROOF_MALFORMED"),
    "a field more": (_change("note", None, ""), "PROOF_MALFORMED"),
}  # fmt: skip


@pytest.mark.parametrize("kind", _FORGERIES)
def test_a_forgery_is_refused_by_name(kind: str) -> None:
    change, code = _FORGERIES[kind]
    document = json.loads(made().render())
    change(document)
    with pytest.raises(ForgedProof) as refused:
        parse(json.dumps(document, separators=(",", ":")).encode() + b"\n").check(_KEYS)
    assert refused.value.code == code


def test_a_proof_written_in_another_way_is_refused() -> None:
    spaced = json.dumps(json.loads(made().render())).encode()
    with pytest.raises(ForgedProof, match="PROOF_MALFORMED"):
        parse(spaced)


def test_the_command_says_what_is_proved_and_needs_no_server(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEDGER_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    file, key = tmp_path / "proof.json", tmp_path / "key.pem"
    file.write_bytes(made().render())
    key.write_bytes(_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    for named in (str(key), _PUBLIC.hex()):
        assert run(["verify-proof", str(file), "--key", named]) == 0
        said = capsys.readouterr().out
        assert said.startswith(
            f"entry {_ENTRY}, whose columns have the digest {(b'c' * 32).hex()} and whose words"
        )
        assert "was in the history when key" in said
        assert "2026-11-25 13:00:00 UTC" in said
    assert run(["verify-proof", str(file), "--key", "ab" * 32]) == 1
    assert "KEY_UNKNOWN" in capsys.readouterr().err
    assert run(["verify-proof", str(file), "--key", str(file)]) == 2
    assert "KEY_UNUSABLE" in capsys.readouterr().err
    file.write_bytes(made().render().replace(b"[2,5]", b"[1,5]"))
    assert run(["verify-proof", str(file), "--key", _PUBLIC.hex()]) == 1
    assert "SIGNATURE_BAD" in capsys.readouterr().err
