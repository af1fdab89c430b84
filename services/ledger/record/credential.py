"""A person's recognitions as one Open Badges 3.0 credential, secured as a JWT. Pure but for the signature.

https://www.imsglobal.org/spec/ob/v3p0: the payload of the JWT is the credential itself (8.2.4.1), `iss`, `jti` and
`nbf` repeat what it says. Every recognition is a piece of evidence for one achievement: the record.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from services.ledger.pages.timeline import Moment, named
from services.ledger.record.keys import IssuerKeys

CONTEXT = (
    "https://www.w3.org/ns/credentials/v2",
    "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
    "https://purl.imsglobal.org/spec/ob/v3p0/extensions.json",
)
_SCHEMA = {
    "id": "https://purl.imsglobal.org/spec/ob/v3p0/schema/json/ob_v3p0_achievementcredential_schema.json",
    "type": "1EdTechJsonSchemaValidator2019",
}
_TAGS_MAX = 50


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who issues. address: of `/records` as seen from outside, without a slash at the end."""

    name: str
    address: str

    @property
    def profile(self) -> dict[str, Any]:
        """The issuer as a credential names it; its id leads to the same and to the keys."""
        return {"id": f"{self.address}/issuer", "type": ["Profile"], "name": self.name, "url": self.address}


def credential(
    issuer: Issuer, name: str, moments: Sequence[Moment], *, id_: UUID, now: datetime
) -> dict[str, Any]:
    """The payload. name: the person's, as the directory has it. moments: what they carry. now: UTC, valid from then."""
    skills = dict.fromkeys(named(skill) for moment in moments for skill in moment.entry.skills)
    profile = issuer.profile
    valid_from = now.replace(microsecond=0)
    achievement: dict[str, Any] = {
        "id": f"{profile['id']}#record-of-recognition",
        "type": ["Achievement"],
        "achievementType": "ext:RecordOfRecognition",
        "creator": profile,
        "name": f"Record of recognition at {issuer.name}",
        "description": "What colleagues, and the work itself, said of this person's contribution.",
        "criteria": {
            "narrative": "Each piece of evidence is a recognition as it was given at the time, in the words of whoever"
            " gave it. The person chose how much of it to carry."
        },
    }
    if skills:
        achievement["tag"] = list(skills)[:_TAGS_MAX]
    payload: dict[str, Any] = {
        "@context": list(CONTEXT),
        "id": f"urn:uuid:{id_}",
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "name": achievement["name"],
        "issuer": profile,
        "validFrom": valid_from.isoformat().replace("+00:00", "Z"),
        "credentialSubject": {
            "type": ["AchievementSubject"],
            "identifier": [
                {"type": "IdentityObject", "hashed": False, "identityHash": name, "identityType": "name"}
            ],
            "achievement": achievement,
        },
        "credentialSchema": [dict(_SCHEMA)],
        "iss": profile["id"],
        "jti": f"urn:uuid:{id_}",
        "nbf": int(valid_from.timestamp()),
    }
    if moments:
        payload["evidence"] = [_evidence(moment) for moment in moments]
    return payload


def signed(payload: dict[str, Any], keys: IssuerKeys) -> str:
    """The credential as a compact JWS."""
    return keys.sign(msgspec.json.encode(payload))


def _evidence(moment: Moment) -> dict[str, Any]:
    entry = moment.entry
    narrative = "\n\n".join(text for text in (entry.words, entry.impact) if text)
    heading = f"{moment.heading} from {moment.giver}" if moment.giver else moment.heading
    evidence = {
        "type": ["Evidence"],
        "name": entry.title or moment.heading,
        "description": f"{heading}, {moment.at:%-d %B %Y}",
        "genre": moment.heading,
        "narrative": narrative,
    }
    return {name: value for name, value in evidence.items() if value}
