"""`python -m services.cli`: the same as `liaison`."""

from services.cli.main import app

app()
