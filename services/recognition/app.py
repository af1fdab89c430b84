"""Wiring: settings and pool → the parts that run."""

from services.kit.consume import Consumer
from services.kit.relay import Relay
from services.kit.run import Parts
from services.kit.sql import Pool
from services.kit.web import create_app
from services.recognition.handlers import GROUP, RecognitionHandler
from services.recognition.settings import RecognitionSettings
from services.recognition.sweep import Sweep


def build(settings: RecognitionSettings, pool: Pool) -> Parts:
    """What `python -m services.recognition serve` runs."""
    handler = RecognitionHandler(settings)
    consumer = Consumer(settings, pool, handler, group=GROUP)
    sweep = Sweep(settings, pool, handler)

    web = create_app("recognition", consumer, pool)
    return Parts(consumer, Relay(settings, service="recognition"), web, [sweep.run])
