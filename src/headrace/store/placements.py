"""Rules of placement, as SQL; what the methods promise stands in `Placements`."""

from __future__ import annotations

import builtins

import msgspec
from msgspec.structs import asdict
from sqlalchemy import RowMapping, delete, insert, select

from headrace.errors import NotFound
from headrace.store import schema
from headrace.store.reading import Readers
from headrace.store.rows import PlacementRule
from headrace.store.writer import Writer

_rules = schema.placements.c


class SqlPlacements:
    """Keeps the rules."""

    def __init__(self, readers: Readers, writer: Writer) -> None:
        self._readers = readers
        self._writer = writer

    async def add(self, rule: PlacementRule) -> None:
        """Remember a rule, or raise `KeyTaken`."""
        values = asdict(rule) | {"weights": msgspec.msgpack.encode(rule.weights)}
        added = insert(schema.placements).values(values)
        await self._writer.write(lambda connection: connection.execute(added))

    async def get(self, number: int) -> PlacementRule:
        """Return the rule of this number, or raise `NotFound`."""
        query = select(schema.placements).where(_rules.number == number)
        found = await self._readers.read(lambda c: c.execute(query).mappings().first())
        if found is None:
            raise NotFound(f"There is no rule of placement {number}.")
        return _rule(found)

    async def list(self) -> builtins.list[PlacementRule]:
        """Return all rules, oldest first."""
        query = select(schema.placements).order_by(_rules.number)
        return await self._readers.read(lambda c: [_rule(row) for row in c.execute(query).mappings()])

    async def delete(self, number: int) -> None:
        """Forget a rule, or raise `NotFound`."""
        change = delete(schema.placements).where(_rules.number == number)
        if await self._writer.write(lambda c: c.execute(change).rowcount) == 0:
            raise NotFound(f"There is no rule of placement {number}.")


def _rule(row: RowMapping) -> PlacementRule:
    return PlacementRule(**{**row, "weights": msgspec.msgpack.decode(row["weights"], type=dict[str, float])})
