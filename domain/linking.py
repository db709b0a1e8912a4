"""Which exchange does a request go on from, and how do we know?

Theory of operation. A decision is a pure function of facts: those of the request and those of the exchanges that may
stand before it (``Found``). It never looks at other decisions, so the links of a set of exchanges do not depend on
the order in which they became known; a late exchange only means that those it touches are asked again.

The rules are tried in order; the first that finds a parent wins:

1. ``corrected``: a person said so.
2. ``retries``: the same messages on the same thread, and an attempt before had failed (``domain/turns.py``). The
   parent is the first attempt of that turn.
3. ``resumes``, if what is new in the request hands on the summary of a summarising call.
4. ``continues``: the path holds an earlier request of the thread *and the answer we recorded to it*; the deepest such
   exchange is the parent. If the answer was cut, it is held as far as the client had shown it, perhaps not at all:
   ``interrupted``. A summarising call that stands on a known exchange ``compacts`` it, a side question is an
   ``aside``; both may leave out the newest answer.
5. ``forks``: the same, in another session; only for the first request of a session that bears a history.
6. ``resumes``, if the request's first text hands on a summary. What stands on nothing but a summary ``compacts`` or
   is an ``aside`` of the call that gave it.
7. ``spawned``: a sub-task's first request, known by its agent id in the tool result, by the call's id in the history
   it was given, or by the task's prompt.
8. Weaker, and labelled so: the newest answer in the request is ours though something before it was changed; the same
   session; the agent header of a sub-task that no call is known for; the same messages again.
9. ``root``; for what is auxiliary, ``none``.

Whether a continuation is the first of its parent or a branch is decided afterwards among all its siblings
(``branch_edges``), because it is a question about them all.
"""

from domain.classification import Evidence
from domain.link_by_history import continues, forks, retries
from domain.link_by_summary import resumes, resumes_now
from domain.link_by_task import spawned
from domain.link_weakly import weaker
from domain.linking_facts import Correction, Found, Subject
from domain.links import Edge, Link, earlier


def link(subject: Subject, found: Found) -> Link:
    """Decide; total."""
    if found.correction is not None and (decided := _corrected(subject, found.correction)) is not None:
        return decided
    if subject.request_class == "auxiliary" and not subject.side:
        return _helped(subject, found) or Link("none", None, (Evidence("class", "auxiliary"),))
    for rule in (retries, resumes_now, continues, forks, resumes, spawned, weaker):
        decided = rule(subject, found)
        if decided is not None:
            return decided
    if subject.request_class == "auxiliary":
        return Link("none", None, (Evidence("class", "auxiliary, its history is not known"),))
    if subject.history or subject.request_class == "subagent":
        return Link("root", None, (Evidence("no parent found", "its history was not recorded"),))
    return Link("root", None, (Evidence("no earlier exchange", "it holds no answer"),))


def is_settled(subject: Subject, found: Found) -> bool:
    """Whether attempts, holders and askers alone decide; what else could be found need not be looked for."""
    if subject.request_class == "auxiliary" and not subject.side:
        return not subject.helper
    if retries(subject, found) is not None:
        return True
    held = [one.depth for one in earlier(subject, found.holders)]
    return not subject.continuation and bool(held) and max(held) >= subject.held.depth


def _corrected(subject: Subject, correction: Correction) -> Link | None:
    """A parent that is not earlier than its child cannot be: the links would go round in circles."""
    evidence = (Evidence("correction", f"{correction.who}: {correction.why}" if correction.why else correction.who),)
    if correction.parent is None:
        return Link("root", None, evidence)
    if correction.parent >= subject.moment:
        return None
    return Link(_corrected_edge(subject, correction), correction.parent.request_id, evidence)


def _corrected_edge(subject: Subject, correction: Correction) -> Edge:
    parent = correction.parent_thread
    if subject.request_class == "compaction":
        return "compacts"
    if subject.request_class == "auxiliary":
        return "aside"
    if correction.parent_class == "compaction":
        return "resumes"
    if parent.agent != subject.thread.agent:
        return "spawned"
    return "continues" if parent.session == subject.thread.session else "forks"


def _helped(subject: Subject, found: Found) -> Link | None:
    """A sub-agent without tools looks like a helper of the client; its agent id, or a call with its prompt, tells."""
    if not subject.helper:
        return None
    started = spawned(subject, found)
    if subject.thread.agent is None:
        return (retries(subject, found) or started) if started else None
    return retries(subject, found) or continues(subject, found) or started
