"""Benches: each holds the product against the least that its task costs, measured side by side in one run."""
