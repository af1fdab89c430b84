"""`python -m services.recognition serve|migrate`."""

import sys
from pathlib import Path

from services.kit import run
from services.recognition.app import build
from services.recognition.settings import RecognitionSettings

if __name__ == "__main__":
    raise SystemExit(run.main("recognition", Path(__file__).parent, RecognitionSettings, build, sys.argv[1:]))
