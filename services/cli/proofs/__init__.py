"""Proofs that an entry was in history: made from the ledger's database, checked without it."""
