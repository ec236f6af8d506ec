"""Words, such as a name, taken out of everything that is kept, with the ledger whole."""
