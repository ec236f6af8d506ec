"""Which companies answer which challenge, requirement by requirement, and why."""
