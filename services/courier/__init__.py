"""Webhook delivery: signed, guarded, retried for days, and never lost."""
