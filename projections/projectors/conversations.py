"""Which conversation does each exchange belong to? Linked as it comes, and again when something earlier comes late.

Gather, ask, write: facts are stored, everything that the new facts touch is asked again (``domain/linking.py``),
siblings are put in order, and what changed is handed down the tree (``domain/forest.py``). A decision rests on facts
alone, never on another decision, so the rows depend on the set of exchanges and not on the order they came in.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from uuid import UUID

from domain.answer_facts import Ending
from domain.classification import RequestClass
from domain.exchange_facts import Moment, facts_of
from domain.forest import Place, place
from domain.ids import Position
from domain.linking import link
from domain.links import Child, branch_edges
from projections.corrections import read_corrections
from projections.exchanges import Exchange, ExchangeReader
from projections.projector import Write
from projections.projectors.usage import directory_of, lines_of
from projections.read_models import link_candidates, link_facts, links, usage_rollup
from projections.read_models.connection import Connection
from projections.read_models.link_candidates import Question
from projections.read_models.links import LinkRow
from projections.read_models.usage_rollup import Moved, UsageLine
from schemas.stored.events import RequestReceived


class ConversationsProjector:
    """Keeps ``links`` and ``conversations``, and the facts they rest on."""

    def __init__(self, reader: ExchangeReader) -> None:
        self._reader = reader

    async def project(self, request_ids: Sequence[UUID], upto: Position) -> Write:
        exchanges = await self._reader.read(request_ids, upto)
        others = set(request_ids) - {one.request_id for one in exchanges}
        corrections = await read_corrections(self._reader.log, others, upto) if others else []
        known = [(one.request, one) for one in exchanges if one.request is not None]
        facts = [facts_of(request, one.view, one.message, _ending(one)) for request, one in known]
        client_domains = [request.client_domain for request, _ in known]
        lines = [line for request, one in known for line in await self._usage(request, one)]

        async def write(tx: Connection) -> None:
            touched = await link_facts.save_corrections(tx, corrections)
            touched |= await link_facts.save(tx, facts, client_domains)
            moved = await _Relinking(tx).run(await link_candidates.questions(tx, touched))
            await usage_rollup.refresh(tx, [one.request_id for one in facts], lines, moved)
            await links.refresh_conversations(tx, await links.titled(tx, [one.request_id for one in facts]))

        return write

    async def _usage(self, request: RequestReceived, exchange: Exchange) -> list[UsageLine]:
        directory = directory_of(exchange)
        key = await self._reader.scope_key(request.scope) if directory else b""
        return lines_of(request, exchange, directory, key)


def _ending(exchange: Exchange) -> Ending:
    return Ending(exchange.end, exchange.response.status if exchange.response else None)


class _Relinking:
    """One round: from questions to rows that are right again."""

    def __init__(self, tx: Connection) -> None:
        self._tx = tx
        self._stored: dict[UUID, LinkRow] = {}
        """As the database has them."""
        self._rows: dict[UUID, LinkRow] = {}
        """As they are to be."""

    async def run(self, questions: Sequence[Question]) -> Moved:
        await self._load(question.subject.moment.request_id for question in questions)
        parents = set[UUID]()
        for question in questions:
            parents |= self._decide(question)
        await self._order_siblings(parents)
        await self._hand_down()
        return await self._write()

    async def _load(self, request_ids: Iterable[UUID]) -> None:
        found = await links.select(self._tx, {one for one in request_ids if one not in self._rows})
        self._stored |= found
        self._rows |= found

    def _decide(self, question: Question) -> set[UUID]:
        """Take in one decision; returns the parents whose children are others now."""
        subject = question.subject
        request_id = subject.moment.request_id
        decided = link(subject, question.found)
        before = self._rows.get(request_id)
        self._rows[request_id] = LinkRow(
            request_id=request_id,
            received_at=subject.moment.received_at,
            request_class=before.request_class if before else subject.request_class,
            own_edge=decided.edge,
            edge=decided.edge,
            parent_request_id=decided.parent,
            confidence=decided.confidence,
            evidence=(question.class_evidence, *decided.evidence),
            tool_use_id=decided.tool_use_id,
            conversation_id=before.conversation_id if before else None,
            branch_id=before.branch_id if before else None,
            depth=before.depth if before else 0,
            subtask_id=before.subtask_id if before else None,
        )
        return {one for one in (before.parent_request_id if before else None, decided.parent) if one is not None}

    async def _order_siblings(self, parents: Collection[UUID]) -> None:
        for child in await links.children(self._tx, parents):
            self._stored.setdefault(child.request_id, child)
            self._rows.setdefault(child.request_id, child)
        families = defaultdict[UUID, list[LinkRow]](list)
        for row in self._rows.values():
            if row.parent_request_id is not None and row.parent_request_id in parents:
                families[row.parent_request_id].append(row)
        for family in families.values():
            for request_id, edge in branch_edges(_child(row) for row in family).items():
                self._rows[request_id] = replace(self._rows[request_id], edge=edge)

    async def _hand_down(self) -> None:
        """Give every changed exchange its place, and then everything below it whose place changes with it."""
        todo = {one for one, row in self._rows.items() if row != self._stored.get(one)}
        while todo:
            await self._load(parent for one in todo if (parent := self._rows[one].parent_request_id) is not None)
            declared = await links.declared_classes(self._tx, todo)
            for one in sorted(todo, key=lambda each: (self._rows[each].received_at, each)):
                self._settle(one, declared[one])
            todo = await self._below(todo)

    def _settle(self, request_id: UUID, declared: RequestClass) -> None:
        row = self._rows[request_id]
        parent = self._rows.get(row.parent_request_id) if row.parent_request_id else None
        found = place(request_id, row.edge, declared, _place(parent) if parent else None)
        self._rows[request_id] = replace(
            row,
            conversation_id=found.conversation,
            branch_id=found.branch,
            depth=found.depth,
            request_class=found.request_class,
            subtask_id=found.subtask,
        )

    async def _below(self, moved: set[UUID]) -> set[UUID]:
        """Children of these whose place is no longer what their parent's gives."""
        for child in await links.children(self._tx, moved):
            self._stored.setdefault(child.request_id, child)
            self._rows.setdefault(child.request_id, child)
        parents = {
            one: above
            for one, row in self._rows.items()
            if (above := row.parent_request_id) is not None and above in moved
        }
        declared = await links.declared_classes(self._tx, parents)
        return {one for one, above in parents.items() if self._is_misplaced(one, above, declared[one])}

    def _is_misplaced(self, request_id: UUID, parent: UUID, declared: RequestClass) -> bool:
        row = self._rows[request_id]
        return place(request_id, row.edge, declared, _place(self._rows[parent])) != _place(row)

    async def _write(self) -> Moved:
        changed = [row for one, row in self._rows.items() if row != self._stored.get(one)]
        if not changed:
            return Moved()
        await links.replace(self._tx, changed)
        before = (self._stored[row.request_id].conversation_id for row in changed if row.request_id in self._stored)
        concerned = {row.conversation_id for row in changed} | set(before)
        await links.refresh_conversations(self._tx, [one for one in concerned if one is not None])
        befores = [(row, self._stored.get(row.request_id)) for row in changed]
        return Moved(
            {row.request_id for row, before in befores if before is None or _place(row) != _place(before)},
            {row.request_id for row, before in befores if before is not None and _call(row) != _call(before)},
        )


def _call(row: LinkRow) -> tuple[object, ...]:
    """The call that started the sub-task which begins here; nothing where none does."""
    return (row.parent_request_id, row.tool_use_id) if row.edge == "spawned" else ()


def _child(row: LinkRow) -> Child:
    return Child(Moment(row.received_at, row.request_id), row.own_edge)


def _place(row: LinkRow) -> Place:
    return Place(row.conversation_id, row.branch_id, row.depth, row.request_class, row.subtask_id)
