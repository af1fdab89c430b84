"""The record a person takes along: what was said of their work, signed, as an Open Badges 3.0 credential."""
