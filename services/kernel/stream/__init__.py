"""How events reach services: the Stream port, its two adapters, and what happens when handling fails."""
