"""The way in over HTTP: composes the rooms' endpoints, streams the journal, serves the pages."""
