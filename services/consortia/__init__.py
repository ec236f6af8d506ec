"""Teams of companies that cover a challenge together."""
