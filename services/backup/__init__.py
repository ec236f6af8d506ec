"""One file that holds the whole database, and a database made of it: on SQLite and PostgreSQL alike."""
