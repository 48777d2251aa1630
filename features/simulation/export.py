"""Rows of numbers become the text that a provincial export would hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.records import TABLES, RecordTable
from features.records import Column as SchemaColumn
from features.simulation import industries, names
from features.simulation.identifiers import joined, numbered, person_keys
from features.simulation.inspections import RESULTS
from features.simulation.months import MISSING, Bools, Ints
from features.simulation.population import TYPE_CODES, Population, division
from features.simulation.recorder import Column, strictly_later
from features.simulation.repair import TARGETS
from features.simulation.risk import DOMAINS

_PROVINCE = "某省"
#: Who provides the records of a table; others come from the district's bureau.
_PROVIDERS = {
    "enterprise": f"{_PROVINCE}市场监督管理局登记注册处",
    "annual_report": f"{_PROVINCE}市场监督管理局信用监管处",
    "relation": f"{_PROVINCE}市场监督管理局登记注册处",
    "change": f"{_PROVINCE}市场监督管理局登记注册处",
    "complaint": f"{_PROVINCE}12315投诉举报中心",
    "sampling_test": f"{_PROVINCE}食品安全抽检监测中心",
    "equipment": f"{_PROVINCE}特种设备检验研究院",
    "credit_repair": f"{_PROVINCE}市场监督管理局信用监管处",
    "serious_violation_list": f"{_PROVINCE}市场监督管理局信用监管处",
}


@dataclass
class Export:
    """What is needed to write tables.

    Attributes
    ----------
    population
        The enterprises.
    seed
        Salt of the persons' pseudonyms.
    end
        Last day; what is recorded later is not known yet and not written.
    missing
        Which enterprises never told their employees, and their paid-in capital.
    """

    population: Population
    seed: int
    end: int
    missing: Mapping[str, Bools]

    def table(self, name: str, rows: dict[str, Column]) -> pa.Table:
        """Return one canonical table as text, numbers and booleans; dates are ISO strings."""
        schema = TABLES[name]
        who = rows["enterprise"].astype(np.int64)
        if len(who):
            rows = dict(rows)
            record = rows["record_id"].astype(np.int64)
            recorded = strictly_later(record, rows["recorded_at"].astype(np.int64))
            rows["recorded_at"] = recorded
            known = recorded <= self.end
            rows = {column: values[known] for column, values in rows.items()}
            who = who[known]
        special = self._special(name, rows, who)
        columns = {}
        for column in schema.all_columns:
            if column.name in special:
                columns[column.name] = special[column.name]()
            elif column.name in rows:
                columns[column.name] = _plain(column, rows[column.name])
            else:
                columns[column.name] = pa.nulls(len(who), _written_type(column))
        return pa.table(columns)

    def _special(self, name: str, rows: dict[str, Column], who: Ints) -> dict[str, Callable[[], pa.Array]]:
        """Return how the columns are built that are no plain number, date or code."""
        population = self.population

        def ints(column: str) -> Ints:
            return rows[column].astype(np.int64) if column in rows else np.zeros(0, dtype=np.int64)

        def provider() -> pa.Array:
            if name in _PROVIDERS:
                return pa.repeat(pa.scalar(_PROVIDERS[name]), len(who))
            return joined(names.vocabulary(names.PLACES, population.district[who]), "区市场监督管理局")

        builders: dict[str, Callable[[], pa.Array]] = {
            "credit_code": lambda: population.codes.take(pa.array(who)),
            "provider": provider,
            "record_id": lambda: numbered(f"SIM:{name}:", ints("record_id")),
        }
        if name == "enterprise":
            builders |= self._registration(ints, who)
        elif name == "relation":
            related, person = ints("related"), ints("person")
            builders["related_code"] = lambda: population.codes.take(pa.array(related, mask=related < 0))
            keys = person_keys(np.maximum(person, 0), self.seed)
            builders["person_key"] = lambda: _masked(keys, person < 0)
        elif name == "credit_repair":
            builders["target_table"] = lambda: names.vocabulary(TARGETS, ints("target_table"))
            builders["target_record_id"] = lambda: numbered("SIM:penalty:", ints("target"))
        elif name == "penalty":
            place = population.district[who]
            builders["document_no"] = lambda: joined(
                names.vocabulary(names.PLACES, place), "市监罚〔", _year(ints("event_date")), "〕",
                pa.array(ints("record_id")).cast(pa.string()), "号",
            )  # fmt: skip
            builders["basis"] = lambda: names.vocabulary(names.BASES, ints("basis"))
        elif name == "licence":
            builders["licence_no"] = lambda: numbered("XK99", 10_000_000 + ints("record_id"))
            builders["category"] = lambda: names.vocabulary(industries.TRADES, ints("category"))
        elif name == "inspection":
            builders["result_codes"] = lambda: names.vocabulary(RESULTS, ints("result_codes"))
        elif name == "finding":
            items = tuple(item for domain in DOMAINS for item in names.ITEMS[domain])
            builders["item"] = lambda: names.vocabulary(items, ints("item"))
            builders["inspection_id"] = lambda: numbered("SIM:inspection:", ints("inspection"))
        elif name == "sampling_test":
            builders |= self._sampling(ints, who)
        elif name == "commitment":
            builders["kind"] = lambda: names.vocabulary(names.COMMITMENTS, ints("kind"))
        elif name in ("equipment", "incident"):
            own = ints("equipment")
            builders["equipment_id"] = lambda: _masked(
                numbered("99TZ", 100_000 + np.maximum(own, 0)), own < 0
            )
            builders["maker"] = lambda: names.vocabulary(names.MAKERS, ints("maker"))
        return builders

    def _registration(self, ints: Callable[[str], Ints], who: Ints) -> dict[str, Callable[[], pa.Array]]:
        population = self.population
        place, kind = population.district[who], population.kind[who]
        trade = names.vocabulary(industries.TRADES, population.industry[who])
        static = population.static_risk[who]
        kinds = tuple(codes for codes in _codes(TABLES["enterprise"], "enterprise_type"))
        capital = ints("registered_capital")
        paid = (capital * population.paid[who] / 100).astype(np.int64) * 100
        return {
            "name": lambda: names.enterprise_names(place, ints("brand"), trade, kind),
            "address": lambda: names.addresses(place, ints("address")),
            "established_on": lambda: _dates(population.established[who]),
            "enterprise_type": lambda: names.vocabulary(kinds, np.array(TYPE_CODES)[kind]),
            "industry": lambda: names.vocabulary(industries.CODES, population.industry[who]),
            "district": lambda: pa.array(division(place)).cast(pa.string()),
            "paid_in_capital": lambda: pa.array(paid, mask=self.missing["paid"][who]),
            "employees": lambda: pa.array(population.employees[who], mask=self.missing["employees"][who]),
            "static_risk": lambda: pa.array(static, mask=static == 0),
        }

    def _sampling(self, ints: Callable[[str], Ints], who: Ints) -> dict[str, Callable[[], pa.Array]]:
        population = self.population
        brands = joined(
            names.brand(population.brand[who]),
            names.vocabulary(industries.TRADES, population.industry[who]),
            "厂",
        )
        others = joined(names.brand((population.brand[who] * 31 + 7) % names.BRANDS), "食品厂")
        own = ints("producer") >= 0
        return {
            "product": lambda: names.vocabulary(tuple(p for p, _ in names.PRODUCTS), ints("product")),
            "category": lambda: names.vocabulary(tuple(c for _, c in names.PRODUCTS), ints("product")),
            "batch": lambda: numbered("P", 20_000_000 + ints("record_id")),
            "producer": lambda: (
                pa.chunked_array([_masked(brands, ~own)]).combine_chunks().fill_null("")
                if not len(who)
                else _either(own, brands, others)
            ),
            "failed_item": lambda: names.vocabulary(
                tuple(i for i, _ in names.FAILED_ITEMS), ints("failed_item")
            ),
        }


def _codes(table: RecordTable, column: str) -> tuple[str, ...]:
    found = table.column(column).codes
    return tuple(found) if found is not None else ()


def _either(first: Bools, one: pa.Array, other: pa.Array) -> pa.Array:
    import pyarrow.compute as pc

    return pc.if_else(pa.array(first), one, other)


def _masked(values: pa.Array, missing: npt.NDArray[np.bool_]) -> pa.Array:
    import pyarrow.compute as pc

    return pc.if_else(pa.array(missing), pa.scalar(None, type=values.type), values)


def _dates(days: Ints) -> pa.Array:
    missing = days == MISSING
    safe = np.where(missing, 0, days).astype(np.int32)
    return pa.array(safe, mask=missing).cast(pa.date32()).cast(pa.string())


def _year(days: Ints) -> pa.Array:
    return pa.array(days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970).cast(
        pa.string()
    )


def _written_type(column: SchemaColumn) -> pa.DataType:
    types = {"int": pa.int64(), "fen": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}
    return types.get(column.type, pa.string())


def _plain(column: SchemaColumn, values: Column) -> pa.Array:
    if column.codes is not None:
        return names.vocabulary(tuple(column.codes), values.astype(np.int64))
    if column.type == "date":
        return _dates(values.astype(np.int64))
    if column.type == "bool":
        return pa.array(values.astype(np.int64) == 1, mask=values.astype(np.int64) < 0)
    if column.type == "float":
        return pa.array(values.astype(np.float64), from_pandas=True)
    numbers = values.astype(np.int64)
    return pa.array(numbers, mask=numbers == MISSING)
