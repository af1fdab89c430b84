"""One file per topic, one class per event type and major version."""
