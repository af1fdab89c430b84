"""`python -m services.notifier serve|migrate`."""

import sys
from pathlib import Path

from services.kit import run
from services.notifier.app import SERVICE, build
from services.notifier.settings import NotifierSettings

if __name__ == "__main__":
    raise SystemExit(run.main(SERVICE, Path(__file__).parent, NotifierSettings, build, sys.argv[1:]))
