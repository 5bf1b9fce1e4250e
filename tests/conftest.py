"""What holds for every test: properties have no deadline, since a slow machine must fail no test."""

from hypothesis import settings

settings.register_profile("oncegate", deadline=None)
settings.load_profile("oncegate")
