"""What if nothing proves where a request belongs? Weaker signs, each labelled as what it is."""

from domain.classification import Evidence
from domain.linking_facts import Author, Found, Subject
from domain.links import Link, on_thread, standing_on


def weaker(subject: Subject, found: Found) -> Link | None:
    return _changed(subject, found) or _by_session(subject, found) or _again(subject, found)


def _changed(subject: Subject, found: Found) -> Link | None:
    """The newest answer it holds is ours, but not all that stands before it is as we saw it."""
    known = authors(subject, found)
    if not known:
        return None
    parent = max(known, key=lambda one: (one.by == "tool use id", one.moment))
    evidence = Evidence(f"{parent.by}, changed history", "the newest answer in it is ours; what stands before differs")
    return Link(standing_on(subject, "continues"), parent.moment.request_id, (evidence,))


def authors(subject: Subject, found: Found) -> list[Author]:
    return [one for one in found.authors if one.moment < subject.moment]


def _by_session(subject: Subject, found: Found) -> Link | None:
    newest = found.newest
    if newest is None or newest >= subject.moment or subject.thread.session is None:
        return None
    if subject.history:
        said = "the newest exchange of its thread; its history was not recorded as it stands there"
        return Link(standing_on(subject, "continues"), newest.request_id, (Evidence("session", said),))
    if subject.request_class == "subagent" and subject.thread.agent is not None:
        said = "the newest exchange of who may have started it; no call with its prompt is known"
        return Link("spawned", newest.request_id, (Evidence("session", said),))
    return None


def _again(subject: Subject, found: Found) -> Link | None:
    """The same messages of the same session once more, after an answer: a branch beside it, at the very beginning."""
    attempts = on_thread(subject, found.attempts)
    if not attempts or subject.thread.session is None:
        return None
    first = min(attempts, key=lambda one: one.moment)
    evidence = Evidence("same messages again", f"the attempt before: {attempts[-1].state}")
    return Link(standing_on(subject, "branches"), first.moment.request_id, (evidence,))
