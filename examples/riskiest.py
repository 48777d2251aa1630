"""Print the enterprises with the highest scores of a model: code, tier, score, name.

python examples/riskiest.py MODEL [NUMBER]
"""

from __future__ import annotations

import sys

from features.home import Home
from risk_model.publication import Publication


def main(model: str, number: int) -> None:
    """Print so many enterprises of a model, the riskiest first."""
    rows = Publication.current(Home.locate()).rows(model=model).to_pandas()
    ordered = rows.sort_values(["score", "credit_code"], ascending=[False, True])
    for row in ordered.head(number).itertuples():
        sys.stdout.write(f"{row.credit_code} {row.tier} {row.score:.0f} {row.name}\n")


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        sys.exit("usage: python examples/riskiest.py MODEL [NUMBER]")
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) == 3 else 10)
