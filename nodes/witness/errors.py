"""What can go wrong with a witness itself; what is wrong with a request is an answer (`witness.py`), not an error."""


class WitnessError(Exception):
    """Base of what a witness raises on purpose. The text names places and rules, never a secret."""


class HomeInvalid(WitnessError):
    """The home folder is missing, damaged, or not one of a witness."""


class StateInvalid(WitnessError):
    """What the witness remembers is missing or damaged. Fails closed: it does not begin again by itself."""


class Overtaken(WitnessError):
    """Another head was kept meanwhile, so this one was not. Nothing was changed."""
