"""Does a request hold the history of an exchange we know? Retries, continuations, what stands on them, and forks."""

from collections.abc import Collection

from domain.classification import Evidence
from domain.held_answers import begins_with
from domain.link_weakly import authors
from domain.linking_facts import Earlier, Found, Subject
from domain.links import Edge, Link, earlier, on_thread, standing_on
from domain.turns import RETRIED, retried


def retries(subject: Subject, found: Found) -> Link | None:
    turn = retried(subject.moment, on_thread(subject, found.attempts))
    if turn is None:
        return None
    first, newest = turn
    return Link("retries", first.moment.request_id, (Evidence("same messages", f"the attempt before: {newest.state}"),))


def continues(subject: Subject, found: Found) -> Link | None:
    askers = [one for one in on_thread(subject, found.askers) if _left_out(subject, one) or _shown(subject, one)]
    known = [*on_thread(subject, found.holders), *askers]
    if not known:
        return None
    parent = max(known, key=lambda one: (one.depth, one.state == "finished", one.moment))
    if parent.depth < subject.held.depth and parent not in askers and authors(subject, found):
        return None
    return Link(_going_on(subject, parent, askers), parent.moment.request_id, (_held(subject, parent, askers),))


def _left_out(subject: Subject, asker: Earlier) -> bool:
    """Nothing of its answer is in the request, and nothing of another one behind its messages."""
    if asker.depth < subject.held.depth:
        return False
    if subject.side or subject.request_class == "compaction":
        return True
    return asker.state in RETRIED or (asker.state == "finished" and (asker.empty or _can_be_lost(subject, asker)))


def _can_be_lost(subject: Subject, asker: Earlier) -> bool:
    """A client that was killed has lost an answer that we have whole, but not what was typed for it.

    Only a session tells that it is the same client. Tool results alone may also stand there because somebody went back
    to the call.
    """
    return subject.thread.session is not None and asker.prompted


def _shown(subject: Subject, asker: Earlier) -> bool:
    """The request holds the beginning of its answer."""
    held = subject.held
    return (
        asker.state == "cut"
        and held.depth > 0
        and asker.depth == held.before_depth
        and begins_with(asker.cut_text, held.text)
        and set(held.tool_uses) <= set(asker.tool_uses)
    )


def _held(subject: Subject, parent: Earlier, askers: Collection[Earlier]) -> Evidence:
    if parent not in askers:
        return Evidence("history", f"{parent.depth} of {subject.depth} blocks are its request and our answer")
    said = f"{parent.depth} of {subject.depth} blocks are its request"
    if _shown(subject, parent):
        return Evidence("history, answer cut", f"{said}, then the beginning of our answer")
    state = "empty" if parent.empty and parent.state == "finished" else parent.state
    return Evidence("history, without answer", f"{said}; its answer: {state}")


def _going_on(subject: Subject, parent: Earlier, askers: Collection[Earlier]) -> Edge:
    lost = parent in askers and parent.state == "finished" and not parent.empty
    return standing_on(subject, "interrupted" if lost or parent.state in {"cut", "open"} else "continues")


def forks(subject: Subject, found: Found) -> Link | None:
    cut = [one for one in found.cut_strangers if _shown(subject, one)]
    known = earlier(subject, [*found.strangers, *cut])
    strangers = [one for one in known if one.thread.session != subject.thread.session]
    if not strangers:
        return None
    parent = max(strangers, key=lambda one: (one.depth, one.same_signatures, one.same_device, one.moment))
    held = "the beginning of its answer" if parent in cut else "our answer"
    said = f"{parent.depth} of {subject.depth} blocks are its request, with {held}, in another session"
    edge = standing_on(subject, "forks")
    return Link(edge, parent.moment.request_id, (Evidence("history in another session", said),))
