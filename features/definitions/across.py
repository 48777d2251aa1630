"""How a feature looks beyond the enterprise: at its neighbourhood, or at those it is tied to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True)
class Level:
    """A column of the registration that parts enterprises into neighbourhoods.

    Parameters
    ----------
    column
        Column of ``enterprise``.
    characters
        Only so many leading characters count: ``H62`` of ``H6210`` is the division of GB/T 4754.
    """

    column: str
    characters: int | None = None


@dataclass(frozen=True)
class Neighbourhood:
    """The rate of first by second term among the others in the same neighbourhood.

    Attributes
    ----------
    levels
        From the widest to the finest: the second neighbourhood is the place in the second level
        within the first, and so on.
    pseudo_count
        Weight of the next wider neighbourhood's rate, as a number of the second term.

    Notes
    -----
    With :math:`N_j, D_j` the sums of the terms over all *other* enterprises of the neighbourhood at
    level j, the whole province being level 0, and k the pseudo-count,

    .. math:: r_0 = N_0 / D_0, \\qquad r_j = (N_j + k\\,r_{j-1}) / (D_j + k).

    The value is the finest :math:`r_j` whose levels are known of the enterprise.
    """

    levels: tuple[Level, ...]
    pseudo_count: int

    @property
    def tables(self) -> tuple[str, ...]:
        """Tables that say who is a neighbour."""
        return ("enterprise",)


class Tie(StrEnum):
    """What ties two enterprises, at a date."""

    #: The same person is legal representative or shareholder of both.
    PERSON = "person"
    #: One is branch or investment of the other, or both are of a third.
    ENTERPRISE = "enterprise"
    #: They are registered at the same address.
    ADDRESS = "address"
    #: Goods of the same stated producer were sampled at both. What is told is told of those goods only.
    PRODUCER = "producer"


#: Tables that say who is tied.
TIE_TABLES: Mapping[Tie, str] = {
    Tie.PERSON: "relation",
    Tie.ENTERPRISE: "relation",
    Tie.ADDRESS: "enterprise",
    Tie.PRODUCER: "sampling_test",
}


class Measure(StrEnum):
    """What is told of the tied enterprises; each counts once, however many ties there are."""

    #: How many there are.
    NUMBER = "number"
    #: Sum of the term over them.
    TOTAL = "total"
    #: Share of them whose term is positive; missing if there is none.
    SHARE = "share"


@dataclass(frozen=True)
class Related:
    """A measure of the other enterprises that are tied to the enterprise.

    Attributes
    ----------
    tie
        Which tie.
    measure
        What is told of them.
    at_most
        A person or address that ties more enterprises than this says nothing of one of them
        (registration agents, cluster addresses) and is passed over.
    """

    tie: Tie
    measure: Measure
    at_most: int

    @property
    def tables(self) -> tuple[str, ...]:
        """Tables that say who is tied."""
        return (TIE_TABLES[self.tie],)


Across = Neighbourhood | Related
