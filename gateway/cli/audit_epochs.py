"""`oncegate audit epochs`: the statements with which the log's later epochs began, for whoever verifies."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.door import DEADLINE_S, people_channel
from gateway.cli.options import Address, AsJson, CaFile
from gateway.cli.output import EXIT_USAGE, command, emit, fail, say
from keys.errors import BadEpoch
from keys.log.custodians import read_unsigned
from oncegate.v1 import audit_pb2, audit_pb2_grpc


@command
def epochs(
    folder: Annotated[Path, typer.Argument(help="Folder for the signed statements, a file each.", file_okay=False)],
    gateway: Address,
    ca: CaFile,
    as_json: AsJson = False,
) -> None:
    """Fetch the signed statements of the log's later epochs. Not verified here: audit verify does, with --custodian."""
    with people_channel(gateway, ca) as channel:
        stub = audit_pb2_grpc.AuditServiceStub(channel)
        notes = stub.ListEpochs(audit_pb2.ListEpochsRequest(), timeout=DEADLINE_S).statements
    written = {}
    folder.mkdir(parents=True, exist_ok=True)
    for note in notes:
        try:
            statement, _ = read_unsigned(note)
        except BadEpoch as error:
            fail(f"the gateway gave what is no statement: {error}", EXIT_USAGE)
        path = folder / f"epoch-{statement.number}"
        path.write_text(note, encoding="utf-8")
        written[str(path)] = statement.digest.hex()

    def human() -> None:
        for path, digest in written.items():
            say(f"{path}: statement {digest}")
        say(f"{len(written)} statements")

    emit({"statements": written}, as_json=as_json, human=human)
