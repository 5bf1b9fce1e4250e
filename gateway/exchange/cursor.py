"""Page tokens of the log: the index of the last entry shown, as text."""

from gateway.errors import bad_request

_MAX_DIGITS = 18


def page_cursor(token: str) -> int | None:
    """The cursor in a page token; None for the first page.

    Raises:
        Refused: BAD_REQUEST when it is none of ours.
    """
    if not token:
        return None
    if not (token.isascii() and token.isdigit() and len(token) <= _MAX_DIGITS):
        raise bad_request("page_token", "must be one that the gateway gave")
    return int(token)
