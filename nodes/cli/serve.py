"""`oncegate-node serve`: run a resource node."""

from nodes.cli.exits import command
from nodes.cli.options import HomePath


@command
def serve(*, home: HomePath) -> None:
    """Run the resource node of this home until it is told to stop (SIGTERM, SIGINT)."""
    # Imported here: the database toolkit behind it takes longer to load than most other commands to run.
    from nodes.serve import serve as serve_home  # noqa: PLC0415

    serve_home(home)
