"""What the rooms' HTTP endpoints are made of. Endpoints import from here, never from the gateway."""
