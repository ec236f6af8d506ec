"""Figures that ship with the product."""
