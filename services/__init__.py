"""Liaison: challenges of Big Science meet the companies that can answer them."""
