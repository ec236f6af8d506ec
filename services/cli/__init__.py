"""The `liaison` command."""

from services.cli.main import app

__all__ = ["app"]
