"""`.env.example` lists every setting there is, and no other."""

import re
from pathlib import Path

from services.ledger.settings import LedgerSettings
from services.notifier.settings import NotifierSettings
from services.recognition.settings import RecognitionSettings

EXAMPLE = Path(__file__).parents[2] / ".env.example"
MODELS = (RecognitionSettings, LedgerSettings, NotifierSettings)


def test_every_setting_of_the_services_is_listed_and_no_other() -> None:
    listed = re.findall(r"^#?([A-Z_]+?)(?:_FILE)?=", EXAMPLE.read_text(), re.MULTILINE)
    settings = {name.upper() for model in MODELS for name in model.model_fields}
    assert sorted(listed) == sorted(settings)
