"""Upkeep of the ledger's database, as its owner."""
