"""Organisations, their keys and roles, who is appointed to whom, and which companies are in which cluster."""
