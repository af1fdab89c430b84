"""All commands in one place: a new group is one more file and one more line here."""

import typer

from services.cli.demo.command import demo
from services.cli.dlq import dlq
from services.cli.emit import emit
from services.cli.export.command import export
from services.cli.ledger.command import ledger
from services.cli.links import link
from services.cli.local import local
from services.cli.proofs.command import prove, verify_proof
from services.cli.record import record
from services.cli.tokens import token
from services.cli.topics import topics
from services.cli.trace.command import trace
from services.cli.validate import validate
from services.cli.verify.command import verify

app = typer.Typer(
    name="waystone",
    help="Work is noticed, growth is visible, gaps are named.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(demo)
app.add_typer(emit, name="emit")
app.command()(validate)
app.command()(topics)
app.command()(trace)
app.add_typer(dlq, name="dlq")
app.add_typer(ledger, name="ledger")
app.command()(verify)
app.command()(prove)
app.command()(verify_proof)
app.command()(token)
app.command()(link)
app.command()(record)
app.command()(export)
app.add_typer(local, name="local")
