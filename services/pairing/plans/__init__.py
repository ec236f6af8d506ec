"""Investment plans: a buyer's list of what it means to buy becomes needs, in state draft."""
