"""Where vectors live: one port, an embedded engine and a server behind it."""
