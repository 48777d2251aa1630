"""``risk-model serve``, ``keys`` and ``audit``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.terminal import HomeOption, JsonOption, print_json, print_table

if TYPE_CHECKING:
    from sqlalchemy import Engine


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("serve")(serve)
    app.command("bundle")(make_bundle)
    keys = typer.Typer(no_args_is_help=True)
    keys.command("create")(create_key)
    keys.command("list")(list_keys)
    keys.command("revoke")(revoke_key)
    app.add_typer(keys, name="keys", help="Keys of those who use the service.")
    audit = typer.Typer(no_args_is_help=True)
    audit.command("verify")(verify_audit)
    audit.command("show")(show_audit)
    app.add_typer(audit, name="audit", help="Who saw or changed what.")


def serve(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 3000,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=256, help="Worker processes; by default one a core.", show_default=False),
    ] = None,
    tls_certificate: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Certificate chain (PEM): answers by HTTPS.", show_default=False),
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Its private key (PEM).", show_default=False)
    ] = None,
    home: HomeOption = None,
) -> None:
    """Serve published classifications, scoring and the pages until stopped (Ctrl-C or SIGTERM)."""
    from features.home import Home
    from serving.running import run
    from serving.tls import certificate

    tls = certificate(tls_certificate, tls_key)
    code = run(Home.locate(home), host=host, port=port, workers=workers, tls=tls)
    if code:
        raise typer.Exit(code)


def make_bundle(
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", help="A folder that does not exist yet.")],
    records: Annotated[
        bool, typer.Option("--records", help="Take the records along, so that dossiers name them.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put the classification in force, the champions and the public site into a home of their own."""
    from dataclasses import asdict

    from features.home import Home
    from serving.bundle import bundle

    made = bundle(Home.locate(home), out.absolute(), records=records)
    if as_json:
        print_json({**asdict(made), "folder": str(made.folder)})
        return
    champions = ", ".join(f"{name} {version}" for name, version in made.champions.items())
    typer.echo(f"{made.folder}: classification {made.classification}; champions {champions}")


def create_key(
    *,
    name: Annotated[str, typer.Argument(help="What the key is for; it stands in the audit log.")],
    role: Annotated[
        list[str], typer.Option(help="planner, supervisor, data_scientist, administrator; may be repeated.")
    ],
    district: Annotated[
        list[str] | None,
        typer.Option(
            help="GB/T 2260 code that it may see, 510100 for all of 5101; all by default.", show_default=False
        ),
    ] = None,
    sector: Annotated[
        list[str] | None,
        typer.Option(help="general, food or special_equipment; all by default.", show_default=False),
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, help="Days until it expires; never by default.", show_default=False)
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key and print it: this once, since only its hash is kept."""
    from serving.access.keys import Keys

    key, token = Keys(_database(home)).create(name, role, districts=district, sectors=sector, days=days)
    if as_json:
        print_json({**key.as_dict(), "token": token})
        return
    typer.echo(f"key {key.id} ({key.name}): {token}")
    typer.echo("Keep it: it is not shown again.", err=True)


def list_keys(*, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List all keys."""
    from serving.access.keys import Keys

    found = [key.as_dict() for key in Keys(_database(home)).all()]
    if as_json:
        print_json(found)
        return
    columns = ("id", "name", "roles", "districts", "sectors", "created_at", "expires_at", "revoked_at")

    def words(value: str | list[str] | None) -> str:
        if value is None:
            return "-"
        return ", ".join(value) if isinstance(value, list) else value

    print_table(
        "Keys",
        columns,
        [[words(key[column]) for column in columns] for key in found],
        left=range(len(columns)),
    )


def revoke_key(
    *,
    key: Annotated[str, typer.Argument(help="Id of the key.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key useless; a running service notices within seconds."""
    from serving.access.keys import Keys

    revoked = Keys(_database(home)).revoke(key)
    if as_json:
        print_json(revoked.as_dict())
    else:
        typer.echo(f"key {revoked.id} ({revoked.name}) is revoked.")


def verify_audit(
    *,
    head: Annotated[
        str | None,
        typer.Option(help="Hash of the last entry at an earlier verification.", show_default=False),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check that no entry of the audit log was changed or removed; exit with 1 if one was."""
    from serving.access.audit import AuditLog

    found = AuditLog(_database(home)).verify(head)
    if as_json:
        print_json(found.as_dict())
    elif found.passed:
        typer.echo(f"{found.entries:,} entries, all as they were written.\nhead {found.head}")
    else:
        typer.echo(
            f"entry {found.broken_at:,}: {found.reason}; {found.entries:,} entries before it are sound."
        )
    if not found.passed:
        raise typer.Exit(1)


def show_audit(
    *,
    last: Annotated[int, typer.Option(min=1, help="How many entries.")] = 50,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the last entries of the audit log."""
    from dataclasses import asdict

    from serving.access.audit import AuditLog

    entries = AuditLog(_database(home)).entries(last)
    if as_json:
        print_json([asdict(entry) for entry in entries])
        return
    print_table(
        "Audit log",
        ("number", "at", "actor", "action", "subject", "status"),
        [(e.number, e.at[:19], e.actor, e.action, e.subject[:60], e.status) for e in entries],
        left=(1, 2, 3, 4),
    )


def _database(home: Path | None) -> Engine:
    from features.home import Home
    from serving.database import open_database, upgrade
    from serving.database.engine import database_url
    from serving.settings import load_settings

    place = Home.locate(home)
    engine = open_database(database_url(place, load_settings(place).database))
    upgrade(engine)
    return engine
