"""``python -m benchmarks NAME [--quick]``: runs the benchmark in module ``benchmarks.NAME``.

The module has ``run(quick: bool) -> dict`` with ``ratios``, ``figures`` and ``aims``. What it prints on
the way goes where it will; the last line of stdout is the result as one JSON document. A benchmark that
has ``CASES`` can be measured in turns: ``--case NAME --results FILE`` measures one and keeps it in the file;
without ``--case`` those that the file lacks are measured.
"""

from __future__ import annotations

import argparse
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

PARTS = ("ratios", "figures", "aims")


def names() -> list[str]:
    """Return the benchmarks that there are: modules of this package with a function ``run``."""
    found = sorted(Path(__file__).parent.glob("*.py"))
    return [path.stem for path in found if "\ndef run(quick" in path.read_text(encoding="utf-8")]


def result_of(
    name: str, *, quick: bool, cases: tuple[str, ...] = (), results: Path | None = None
) -> dict[str, Any]:
    """Run a benchmark and return the document of its last line.

    Raises
    ------
    ValueError
        If the benchmark gives something else than it must, or a case is asked for that it has not.
    """
    module = import_module(f"benchmarks.{name}")
    turns: dict[str, Any] = {"cases": cases, "results": results} if cases or results else {}
    known = getattr(module, "CASES", ())
    unknown = [case for case in cases if case not in known]
    if unknown or (turns and not known):
        msg = (
            f"benchmark {name!r} has no case {unknown[0]!r}"
            if unknown
            else f"benchmark {name!r} has no cases"
        )
        raise ValueError(f"{msg}; it has: {', '.join(known) or 'none'}")
    found: dict[str, Any] = module.run(quick, **turns)
    missing = [part for part in PARTS if not isinstance(found.get(part), dict)]
    if missing:
        msg = f"benchmark {name!r} gives no {missing[0]!r}"
        raise ValueError(msg)
    return {"benchmark": name, "quick": quick, **{part: found[part] for part in PARTS}}


def main() -> None:
    """Run the benchmark that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=names())
    parser.add_argument("--quick", action="store_true", help="small sizes; ends within 50 seconds")
    parser.add_argument("--case", action="append", default=[], help="measure this case only, and anew")
    parser.add_argument("--results", type=Path, help="file in which measured cases are kept")
    arguments = parser.parse_args()
    try:
        document = result_of(
            arguments.name,
            quick=arguments.quick,
            cases=tuple(arguments.case),
            results=arguments.results,
        )
    except ValueError as error:
        parser.error(str(error))
    sys.stdout.flush()
    print(json.dumps(document, ensure_ascii=False, default=float))


if __name__ == "__main__":
    main()
