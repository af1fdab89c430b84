"""`python -m services.ledger serve|migrate`."""

import sys
from pathlib import Path

from services.kit import run
from services.ledger.app import SERVICE, build
from services.ledger.settings import LedgerSettings

if __name__ == "__main__":
    raise SystemExit(run.main(SERVICE, Path(__file__).parent, LedgerSettings, build, sys.argv[1:]))
