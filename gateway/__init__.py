"""The oncegate gateway: finds, decides, collects, seals and records, and cannot read what nodes answer."""
