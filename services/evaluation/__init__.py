"""How good the suggestions are, measured on judged bundles by the product's own code."""
