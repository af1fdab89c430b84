"""Tells people: mail and chat, as each person prefers."""
