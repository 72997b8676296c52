"""What each source answers, in a sentence for people who choose one."""

from __future__ import annotations

SENTENCES = {
    "membership": "Who is in through which assignment: a row for each learner, certification and assignment.",
    "learners": "How each learner stands: state, dates, progress, and which assignments hold her.",
    "courses": "Each course on a learner's path: whether it is open to her, and whether she completed it.",
    "overview": "How each certification stands in numbers; by organisation, position, manager or assignment.",
    "exceptions": "Questions that wait for an answer, and the answers given.",
    "history": "What happened, when, and who did it; down to the learner. Exports too.",
    "messages": "Every message: to whom, about whom, by which channel, and what became of it.",
}
