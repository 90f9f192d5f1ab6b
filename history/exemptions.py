"""Models that have no versions, each with the reason. A test wants every model to be tracked or named here."""

from __future__ import annotations

from collections.abc import Mapping

_ENGINE = "the engine's own; what it does is told by the events of the run"
_RECORD = "a record itself: rows are added, never changed"

NOT_CONFIGURATION: Mapping[str, str] = {
    "accounts.auditrecord": _RECORD,
    "accounts.datakey": "sealed keys, which no version may hold; their rotation is recorded in the audit chain",
    "accounts.devicesession": "comes by signing in and changes as it is used; its beginning and end are recorded",
    "accounts.entrylink": "opens once within minutes; its making and use are recorded in the audit chain",
    "accounts.refreshtoken": "a link of a session's chain, used once",
    "admin.logentry": _RECORD,
    "agents.advisory": "imported from an OSV database; the source tells when and from what",
    "agents.advisoryrange": "imported from an OSV database, with its advisory",
    "agents.advisorysource": "written by an import: its date, digest and count",
    "agents.finding": "what a step has found, never edited",
    "agents.findingalias": "another name of a tracked finding, written where findings are tracked",
    "agents.fix": "what a step has proposed, never edited",
    "agents.runquality": "what a run's report measured, never edited",
    "agents.sweep": "what a person has said of many findings at once; recorded in the audit chain",
    "agents.trackedfinding": "follows what runs find; what people decide on it is in agents.triageact",
    "agents.triageact": _RECORD,
    "auth.permission": "written by migrations, from the models",
    "contenttypes.contenttype": "written by migrations, from the models",
    "monitoring.webhookdelivery": _RECORD,
    "monitoring.webhooksecret": "sealed secrets, which no version may hold",
    "pghistory.context": "empty: versions hold their stamp themselves",
    "sessions.session": "a browser's cookie's other half; accounts.devicesession tells of it",
    "tasks.approval": "a question of a step; its answer is recorded in the audit chain",
    "tasks.artifact": _ENGINE,
    "tasks.attempt": _ENGINE,
    "tasks.event": _ENGINE,
    "tasks.installation": "written once",
    "tasks.journalentry": _ENGINE,
    "tasks.logchunk": _ENGINE,
    "tasks.outboxmessage": _ENGINE,
    "tasks.prunereport": _RECORD,
    "tasks.run": _ENGINE,
    "tasks.runshare": "a link, with the digest of its token; its making and its end are recorded in the audit chain",
    "tasks.schedulefire": _ENGINE,
    "tasks.step": _ENGINE,
    "tasks.stepdependency": _ENGINE,
    "tasks.upload": "bytes by their digest, never edited",
    "tasks.workersession": _ENGINE,
}
"""By label. Rows of the engine's hot path must stay here: a trigger would cost each step."""
