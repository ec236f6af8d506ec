"""The one place where ports get their adapters, from Settings; and the processes made of them."""
