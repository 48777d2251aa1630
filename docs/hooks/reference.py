"""Pages of the reference that are made from the product itself when the site is built.

The command line from its commands, the interface from its endpoints, record tables from their schemas, rule
files as they are shipped, and what lies at the root of the repository. Nothing is written to the source tree.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

ROOT = Path(__file__).resolve().parents[2]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages to the site."""
    from mkdocs.structure.files import File

    for path, content in pages().items():
        files.append(File.generated(config, path, content=content))
    return files


def on_page_content(html: str, **_: Any) -> str:
    """Show roles of docstrings as plain code, formulas as they are written; let paths break at slashes."""
    html = re.sub(r":(?:math|class|func|mod|meth|attr|data):(?=<code>)", "", html)
    html = re.sub(r"<p>\.\. math::\s*(.*?)</p>", r"<pre><code>\1</code></pre>", html, flags=re.S)
    paths = r"<code>[\w.-]+(?:/[\w.-]+)+</code>"
    return re.sub(paths, lambda path: re.sub(r"(?<=\w)/(?=\w)", "/<wbr>", path[0]), html)


def pages() -> dict[str, str]:
    """Return path → content of every generated page."""
    from serving.api.openapi import openapi_document
    from serving.routes import ENDPOINTS

    interface = openapi_document([endpoint for endpoint in ENDPOINTS if not endpoint.page])
    return {
        "reference/command-line.md": command_line(),
        "reference/interface.md": described(interface),
        "reference/openapi.json": json.dumps(interface, ensure_ascii=False, indent=2),
        "reference/records.md": record_tables(),
        "reference/rules.md": rule_files(),
        "contributing.md": at_root("CONTRIBUTING.md"),
        "changelog.md": at_root("CHANGELOG.md"),
        "mapping-guide.md": mapping_guide(),
        "decisions/index.md": decisions(),
    }


def command_line() -> str:
    """Return all commands with their arguments and options."""
    import typer

    from risk_model.cli import build

    root: Any = typer.main.get_command(build())
    parts = [
        "# Command line",
        "Every command has `--help`, `--json` (one JSON document on stdout, everything else on stderr) and "
        "keeps its state in `--home DIR`, else `RISK_MODEL_HOME`, else `./var`. Exit codes: 0 done, "
        "2 usage or bad input, 1 failure.",
    ]
    for name in sorted(root.commands):
        parts += _command(root.commands[name], name)
    return "\n\n".join(parts) + "\n"


def _command(command: Any, path: str) -> list[str]:
    level = "#" * (path.count(" ") + 2)
    lines = [f"{level} risk-model {path}", _text(command.help or "")]
    rows = [row for parameter in command.params for row in _parameter(parameter)]
    if rows:
        lines.append("\n".join(["| argument or option | meaning |", "| --- | --- |", *rows]))
    for name, inner in sorted(getattr(command, "commands", {}).items()):
        lines += _command(inner, f"{path} {name}")
    return [line for line in lines if line]


def _parameter(parameter: Any) -> list[str]:
    if parameter.name == "help":
        return []
    if parameter.param_type_name == "argument":
        shown = parameter.metavar or str(parameter.name).upper()
    else:
        shown = ", ".join([*parameter.opts, *parameter.secondary_opts])
        shown += "" if parameter.is_flag else f" {parameter.metavar or 'VALUE'}"
    told = _text(getattr(parameter, "help", None) or "").replace("|", "\\|")
    if parameter.required:
        told += " *Required.*"
    return [f"| `{shown.replace('|', '/')}` | {told.strip()} |"]


def _text(words: str) -> str:
    return re.sub(r"[ \t]*\n[ \t]*(?!\n)", " ", words.strip()).replace("<", "&lt;")


def described(document: dict[str, Any]) -> str:
    """Return the interface of the service for people."""
    lines = [
        "# Interface of the service",
        "Made from the same table of endpoints that the service answers from. A running service shows it at "
        "`/docs`; for programs: [openapi.json](openapi.json). Errors are problem documents (RFC 9457) that "
        "name field and fix.",
    ]
    problems: dict[str, str] = {}
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            lines += [f"## {method.upper()} {path}", told.get("summary") or told.get("description") or ""]
            if told.get("x-roles"):
                lines.append(f"Roles: {', '.join(told['x-roles'])}.")
            lines.append(_table("parameter", map(_query, told.get("parameters", []))))
            body = told.get("requestBody", {}).get("content", {})
            lines += [f"Body: `{media}`{_named(content)}" for media, content in body.items()]
            good = {status: one for status, one in told["responses"].items() if int(status) < 400}
            bad = {
                status: one["description"] for status, one in told["responses"].items() if status not in good
            }
            problems |= bad
            for status, one in good.items():
                held = [f"`{media}`{_named(content)}" for media, content in one.get("content", {}).items()]
                lines.append(f"Answer {status}: {' or '.join(held) or 'empty'}")
            lines.append(f"Problems: {', '.join(sorted(bad))}")
    lines += [
        "## Problems",
        "\n".join(
            [
                "| status | means |",
                "| --- | --- |",
                *(f"| {one} | {problems[one]} |" for one in sorted(problems)),
            ]
        ),
    ]
    lines.append("## Bodies")
    for name, schema in sorted(document.get("components", {}).get("schemas", {}).items()):
        lines += [f"### {name}", schema.get("description", "").split("\n\n")[0].replace("\n", " ")]
        required = schema.get("required", [])
        fields = schema.get("properties", {}).items()
        lines.append(_table("field", (_row(name, told, name in required) for name, told in fields)))
    return "\n\n".join(line for line in lines if line) + "\n"


def _table(what: str, rows: Iterable[str]) -> str:
    lines = list(rows)
    return (
        "\n".join([f"| {what} (* required) | type | meaning |", "| --- | --- | --- |", *lines])
        if lines
        else ""
    )


def _query(parameter: dict[str, Any]) -> str:
    told = {"description": parameter.get("description"), **parameter["schema"]}
    return _row(parameter["name"], told, parameter.get("required", False))


def _row(name: str, schema: dict[str, Any], required: bool) -> str:
    described = [schema, *schema.get("anyOf", [])]
    told = next((one["description"] for one in described if one.get("description")), "")
    told = told.replace("\n", " ").replace("|", "\\|")
    return f"| `{name}`{' *' if required else ''} | {_kind(schema)} | {told} |"


def _named(content: dict[str, Any]) -> str:
    name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    return f", [{name}](#{name.lower()})" if name else ""


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    return str(schema.get("type", "any"))


def record_tables() -> str:
    """Return the canonical record tables with their columns and codes."""
    from features.records import TABLES
    from features.records.schema import SHARED

    def rows(columns: Any) -> str:
        lines = ["| column | 中文 | English | type | |", "| --- | --- | --- | --- | --- |"]
        for column in columns:
            notes = ["required"] if column.required else []
            if column.codes is not None:
                notes.append(f"codes: [{column.codes.name}](#{column.codes.name})")
            if column.low is not None or column.high is not None:
                notes.append(f"{column.low if column.low is not None else ''} … {column.high or ''}")
            if column.personal:
                notes.append("personal: shown to nobody")
            lines.append(
                f"| `{column.name}` | {column.label.zh} | {column.label.en} | {column.type} "
                f"| {'; '.join(notes)} |"
            )
        return "\n".join(lines)

    parts = [
        "# Record tables",
        "What a mapping fills. Not all tables are needed: one that is missing gives missing features. "
        "Money is in fen (分), as a whole number.",
        "## Columns of every table",
        rows(SHARED),
    ]
    sets: dict[str, Any] = {}
    for table in TABLES.values():
        parts += [
            f"## {table.name}",
            f"{table.label.zh}, {table.label.en}. `event_date`: {table.event.en}.",
            rows(table.columns),
        ]
        sets |= {column.codes.name: column.codes for column in table.columns if column.codes is not None}
    parts.append("## Codes")
    for name, codes in sorted(sets.items()):
        lines = ["| code | 中文 | English |", "| --- | --- | --- |"]
        lines += [f"| `{code}` | {label.zh} | {label.en} |" for code, label in codes.codes.items()]
        parts += [f"### {name} {{ #{name} }}", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def rule_files() -> str:
    """Return every shipped rule file as it is."""
    parts = [
        "# Rule files",
        "As shipped with this version. `trust: law`: the named text says so; `parameter`: the province "
        "decides, or the text could not be verified. How to change one: "
        "[add a rule version](../how-to/new-rule-version.md).",
    ]
    found = [
        *(ROOT / "supervision").rglob("*.yaml"),
        ROOT / "features/records/publication.yaml",
        *(ROOT / "models").glob("*.yaml"),
    ]
    for path in sorted(found):
        name = path.relative_to(ROOT).as_posix()
        parts += [f"## {name}", f"```yaml\n{path.read_text(encoding='utf-8').rstrip()}\n```"]
    return "\n\n".join(parts) + "\n"


def at_root(name: str) -> str:
    """Return a page that lies at the root of the repository, its links seen from the documentation."""
    text = (ROOT / name).read_text(encoding="utf-8")
    text = text.replace("](docs/", "](").replace(
        "](features/sources/mappings/README.md)", "](mapping-guide.md)"
    )
    return re.sub(r"\[([^\]]+)\]\((?:SECURITY|CONTRIBUTING|LICENSE)[^)]*\)", r"`\1`", text)


def mapping_guide() -> str:
    """Return the guide to mappings, which lies beside them."""
    return (ROOT / "features/sources/mappings/README.md").read_text(encoding="utf-8")


def decisions() -> str:
    """Return a list of the decisions by their titles."""
    lines = ["# Decisions", "Why things are as they are, one page each.", ""]
    for path in sorted((ROOT / "docs" / "decisions").glob("*.md")):
        title = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        lines.append(f"- [{title}]({path.name})")
    return "\n".join(lines) + "\n"
