"""Chaos: Liaison as its processes on a real Kafka and a real PostgreSQL, under load, while parts of it die.

`make test` runs a short form, `make chaos` (`python -m tests.chaos`) the full one and shows its table.
"""
