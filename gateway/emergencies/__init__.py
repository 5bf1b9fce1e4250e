"""Declared emergencies: what was asked in one, who has to review it, and by when."""
