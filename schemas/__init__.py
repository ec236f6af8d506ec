"""The contracts: entities and events as everybody outside may rely on them."""
