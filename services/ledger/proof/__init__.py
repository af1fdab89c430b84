"""Tamper evidence: digests of entries, trees over them, and signed checkpoints (see docs/proof.md)."""
