"""Challenges and companies: announcing, amending, importing; requirements cut from free text."""
