"""Plumbing that two or more services use unchanged. No domain noun lives here."""
