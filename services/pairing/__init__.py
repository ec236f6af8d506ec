"""Needs of several buyers that could be bought together."""
