"""Profiles and plans out of the file that somebody already has: CSV, Excel or JSON Lines, columns found by
name.

Pure: bytes in, rows and problems out. What cannot be read is told with its line and a reason, and never
keeps the rest from coming in.
"""

from services.intake.importing.reading import Kind, Reading, read
from services.intake.importing.row import Problem, Row

__all__ = ["Kind", "Problem", "Reading", "Row", "read"]
