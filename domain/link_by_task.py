"""Which call started this sub-task? Its agent's id tells, its own call in the history it was given, or its prompt."""

from collections.abc import Sequence

from domain.classification import Evidence
from domain.linking_facts import Found, PendingTask, Subject
from domain.links import Link, earlier


def spawned(subject: Subject, found: Found) -> Link | None:
    """Tasks that are known to be another agent's are not ours; of the rest the n-th starts the n-th sub-task."""
    if subject.request_class == "compaction" or subject.side:
        return None
    tasks = sorted((one for one in found.tasks if one.moment < subject.moment), key=lambda one: one.moment)
    agent = subject.thread.agent
    named = [one for one in tasks if agent is not None and one.agent == agent]
    if named:
        return _spawned_by(named[0], Evidence("agent id", f"{agent} is in the result of {named[0].tool_use_id}"))
    given = [one for one in tasks if one.tool_use_id in subject.held.tool_uses]
    if given and agent is not None:
        return _spawned_by(given[-1], Evidence("tool use id", f"it was given {given[-1].tool_use_id}, its own call"))
    return _given_history(subject, found) if subject.history else _by_prompt(subject, found, tasks)


def _given_history(subject: Subject, found: Found) -> Link | None:
    """An agent that the person started, with the history as it stood."""
    donors = earlier(subject, found.donors) if subject.thread.agent is not None else []
    if not donors:
        return None
    parent = max(donors, key=lambda one: (one.depth, one.moment))
    said = f"{parent.depth} of {subject.depth} blocks are its request and our answer, on another thread"
    return Link("spawned", parent.moment.request_id, (Evidence("history of another thread", said),))


def _by_prompt(subject: Subject, found: Found, tasks: Sequence[PendingTask]) -> Link | None:
    """Who has no agent id, as in old clients, can be any of them; nobody runs a call of a cut answer if he need not."""
    taken = {one.agent for one in tasks if one.agent is not None} if subject.thread.agent else set()
    candidates = [one for one in tasks if one.agent not in taken]
    free = [one for one in candidates if one.ran] or candidates
    if not free:
        return None
    rivals = [one for one in earlier(subject, found.rivals) if one.thread.agent not in taken]
    agents = {one.thread.agent for one in rivals if one.thread.agent is not None}
    nameless = sum(one.thread.agent is None and one.state in {"finished", "open"} for one in rivals)
    task = free[min(len(agents) + nameless, len(free) - 1)]
    kind = "task prompt" if len(free) == 1 else "task prompt, by order"
    return _spawned_by(task, Evidence(kind, f"equal to that of {task.tool_use_id}"))


def _spawned_by(task: PendingTask, evidence: Evidence) -> Link:
    return Link("spawned", task.moment.request_id, (evidence,), task.tool_use_id)
