"""Does a request hand on the summary that a summarising call gave? Then it resumes from it."""

from domain.classification import Evidence
from domain.linking_facts import Found, Subject, Summary
from domain.links import Link

MIN_UNANNOUNCED_CHARS = 40


def resumes_now(subject: Subject, found: Found) -> Link | None:
    """What is new in it hands on a summary."""
    return _resuming(subject, found, subject.continuation)


def resumes(subject: Subject, found: Found) -> Link | None:
    handed_on = _resuming(subject, found, subject.opening)
    if handed_on is not None or not subject.continuation:
        return handed_on
    own = [one for one in found.summaries if one.moment < subject.moment and one.agent == subject.thread.agent]
    if not own:
        return None
    parent = max(own, key=lambda one: one.moment)
    said = "it says that it goes on from a summary; this is the newest, in other words"
    return Link("resumes", parent.moment.request_id, (Evidence("continuation phrase", said),))


def _resuming(subject: Subject, found: Found, text: str) -> Link | None:
    if not text or subject.request_class in {"compaction", "auxiliary"}:
        return None
    handed_on = [one for one in found.summaries if one.moment < subject.moment and _is_in(one, text, subject)]
    if not handed_on:
        return None
    parent = max(handed_on, key=lambda one: (one.agent == subject.thread.agent, len(one.text), one.moment))
    return Link("resumes", parent.moment.request_id, (Evidence("summary", f"{len(parent.text)} characters"),))


def _is_in(summary: Summary, text: str, subject: Subject) -> bool:
    """A short summary might be in any text; one that is announced may be short."""
    announced = bool(subject.continuation)
    return summary.text in text and (announced or len(summary.text) >= MIN_UNANNOUNCED_CHARS)
