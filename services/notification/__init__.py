"""Who hears what: subscriptions, and the route of every event to those who asked for it."""
