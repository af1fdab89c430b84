"""The rules of recognition: a pure fold over what is known, no clock, no randomness, no database."""
