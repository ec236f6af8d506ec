"""The demonstration: real challenges and organisations from open data, loaded into an empty Liaison."""
