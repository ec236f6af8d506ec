"""The shape of the database, and how it changes from one release to the next (Alembic)."""
