"""Retention: what entries said is destroyed when its time is over, and everything they prove stays."""
