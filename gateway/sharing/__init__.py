"""Sharing agreements: what one provider lets one consumer have, signed by the provider."""
