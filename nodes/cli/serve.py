"""`oncegate-node serve`: run a resource node."""

from nodes.cli.exits import command
from nodes.cli.options import HomePath
from nodes.serve import serve as serve_home


@command
def serve(*, home: HomePath) -> None:
    """Run the resource node of this home until it is told to stop (SIGTERM, SIGINT)."""
    serve_home(home)
