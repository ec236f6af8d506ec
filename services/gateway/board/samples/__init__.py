"""Code that verifies a webhook's signature, shown where an endpoint is created. None needs a package."""
