"""`oncegate policy`: explain, simulate, lint and test rules, and change them by two people."""
