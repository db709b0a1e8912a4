"""Does a request hand on the summary that a summarising call gave? Then it resumes from it."""

from domain.classification import Evidence
from domain.link_weakly import authors
from domain.linking_facts import Found, Subject, Summary
from domain.links import Link, standing_on
from domain.phrases import CONTINUATION

MIN_UNANNOUNCED_CHARS = 40


def resumes_now(subject: Subject, found: Found) -> Link | None:
    """What is new in it hands on a summary."""
    return _resuming(subject, found, subject.continuation)


def resumes(subject: Subject, found: Found) -> Link | None:
    """Its first text hands on a summary, or it says that it does."""
    handed_on = _resuming(subject, found, subject.opening)
    if handed_on is not None or not subject.continuation:
        return handed_on
    own = [one for one in _given(subject, found) if one.same_session]
    if not own or standing_on(subject, "resumes") != "resumes":
        return None
    parent = max(own, key=lambda one: one.moment)
    said = "it says that it goes on from a summary; this is the newest, in other words"
    return Link("resumes", parent.moment.request_id, (Evidence("continuation phrase", said),))


def _resuming(subject: Subject, found: Found, text: str) -> Link | None:
    handed_on = [one for one in _given(subject, found) if text and _is_in(one, text)]
    if not handed_on:
        return None
    parent = max(handed_on, key=lambda one: (one.same_session, len(one.text), one.moment))
    edge = standing_on(subject, "resumes")
    if edge != "resumes" and any(one.moment > parent.moment for one in authors(subject, found)):
        return None  # it stands on an answer that came after the summary
    where = "" if parent.same_session else " that another session gave"
    evidence = Evidence("summary", f"{len(parent.text)} characters{where}")
    return Link(edge, parent.moment.request_id, (evidence,))


def _given(subject: Subject, found: Found) -> list[Summary]:
    """Earlier summaries of the same agent, or of the main thread."""
    return [one for one in found.summaries if one.moment < subject.moment and one.agent == subject.thread.agent]


def _is_in(summary: Summary, text: str) -> bool:
    """A short summary might be in any text; one that is announced may be short."""
    announced = text.startswith(CONTINUATION)
    return summary.text in text and (announced or len(summary.text) >= MIN_UNANNOUNCED_CHARS)
