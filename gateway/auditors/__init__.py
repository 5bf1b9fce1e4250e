"""What the gateway keeps for the audit office, and cannot read: where each sealed identity is on the access log."""
