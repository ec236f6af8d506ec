"""Code lists shipped with Liaison. Where they come from, and under which licence: see NOTICE."""
