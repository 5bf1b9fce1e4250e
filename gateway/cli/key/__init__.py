"""`oncegate key`: root keys, the custodians' shares, rotation; a file for each verb."""

import typer

from gateway.cli.key import custody, migrate, passphrase, retire, rotate, status

app = typer.Typer(no_args_is_help=True, help="Root keys, custodians' shares, rotation. 密钥")
app.command("status")(status.status)
app.command("migrate")(migrate.migrate)
app.command("passphrase")(passphrase.passphrase)
app.command("split")(custody.split)
app.command("unseal")(custody.unseal)
app.command("rotate")(rotate.rotate)
app.command("retire")(retire.retire)
