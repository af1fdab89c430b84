"""A verifier that shares no query and no hashing with the services: it reads what they stored and judges it anew."""
