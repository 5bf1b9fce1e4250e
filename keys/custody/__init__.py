"""Custodians' shares of the recovery key (`shares`) and the process in which they may appear (`process`)."""
