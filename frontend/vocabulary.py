"""Words that stand in the database and are shown to people, in their language: states, severities, roles, acts.

A word that is not here is shown as it is stored: it is another release's, or data.
"""

from __future__ import annotations

from django.utils.translation import gettext, gettext_noop

WORDS = frozenset(
    {
        # what runs and steps are
        gettext_noop("accepted"),
        gettext_noop("running"),
        gettext_noop("paused"),
        gettext_noop("succeeded"),
        gettext_noop("failed"),
        gettext_noop("cancelled"),
        gettext_noop("pending"),
        gettext_noop("ready"),
        gettext_noop("waiting retry"),
        gettext_noop("waiting"),
        gettext_noop("waiting approval"),
        gettext_noop("skipped"),
        gettext_noop("dead"),
        # how attempts, questions and fires ended
        gettext_noop("lost"),
        gettext_noop("released"),
        gettext_noop("stale"),
        gettext_noop("approved"),
        gettext_noop("rejected"),
        gettext_noop("withdrawn"),
        gettext_noop("expired"),
        gettext_noop("submitted"),
        gettext_noop("missed"),
        gettext_noop("refused"),
        gettext_noop("waits for the earlier run"),
        gettext_noop("skipped: the earlier run was not over"),
        gettext_noop("missed: nobody was there to fire"),
        gettext_noop("refused: the request cannot be accepted"),
        # what schedules do
        gettext_noop("skip what was missed"),
        gettext_noop("fire once for all that was missed"),
        gettext_noop("fire each time that was missed, oldest first, within the window"),
        gettext_noop("start beside the earlier run"),
        gettext_noop("leave this time out"),
        gettext_noop("start when the earlier run is over; at most one waits"),
        gettext_noop("cancel the earlier run, then start"),
        # how bad a finding is
        gettext_noop("critical"),
        gettext_noop("high"),
        gettext_noop("medium"),
        gettext_noop("low"),
        gettext_noop("info"),
        # what somebody is
        gettext_noop("viewer"),
        gettext_noop("developer"),
        gettext_noop("maintainer"),
        gettext_noop("owner"),
        # which kind a claim is of
        gettext_noop("bug"),
        gettext_noop("performance"),
        gettext_noop("style"),
        gettext_noop("documentation"),
        gettext_noop("test"),
        gettext_noop("dependency"),
        # which kind a credential is of
        gettext_noop("git token"),
        gettext_noop("database URL"),
        gettext_noop("LLM key"),
        # what details of the audit are called
        gettext_noop("role"),
        gettext_noop("was"),
        gettext_noop("whom"),
        gettext_noop("kind"),
        gettext_noop("name"),
        gettext_noop("host"),
        gettext_noop("changes"),
        gettext_noop("decision"),
        gettext_noop("question"),
        gettext_noop("format"),
        gettext_noop("records"),
        gettext_noop("chosen"),
        gettext_noop("unknown device"),
        # what is judged
        gettext_noop("security"),
        gettext_noop("reliability"),
        gettext_noop("maintainability"),
        gettext_noop("duplication"),
        # what the audit holds
        gettext_noop("sign in"),
        gettext_noop("sign in failed"),
        gettext_noop("sign out"),
        gettext_noop("entry link made"),
        gettext_noop("entry link used"),
        gettext_noop("session revoked"),
        gettext_noop("user created"),
        gettext_noop("user changed"),
        gettext_noop("user deleted"),
        gettext_noop("role given"),
        gettext_noop("role changed"),
        gettext_noop("role taken"),
        gettext_noop("team created"),
        gettext_noop("team changed"),
        gettext_noop("team deleted"),
        gettext_noop("invitation created"),
        gettext_noop("invitation sent"),
        gettext_noop("invitation revoked"),
        gettext_noop("invitation accepted"),
        gettext_noop("invitation declined"),
        gettext_noop("project created"),
        gettext_noop("project changed"),
        gettext_noop("project moved"),
        gettext_noop("project emptied"),
        gettext_noop("project deleted"),
        gettext_noop("key created"),
        gettext_noop("key rotated"),
        gettext_noop("key revoked"),
        gettext_noop("credential created"),
        gettext_noop("credential replaced"),
        gettext_noop("credential deleted"),
        gettext_noop("keys rotated"),
        gettext_noop("approval decided"),
        gettext_noop("finding dismissed"),
        gettext_noop("findings swept"),
        gettext_noop("findings exported"),
        gettext_noop("report exported"),
        gettext_noop("run deleted"),
        gettext_noop("share created"),
        gettext_noop("share revoked"),
        gettext_noop("schedule deleted"),
        gettext_noop("audit exported"),
        gettext_noop("webhook created"),
        gettext_noop("webhook changed"),
        gettext_noop("webhook deleted"),
        gettext_noop("webhook secret rotated"),
        # how somebody came
        gettext_noop("session"),
        gettext_noop("browser"),
        gettext_noop("program"),
        gettext_noop("token"),
        gettext_noop("process"),
        gettext_noop("page"),
        # what becomes of a delivery
        gettext_noop("delivered"),
        gettext_noop("given up"),
    }
)


def word(stored: str) -> str:
    """Write a stored word for people: `waiting_retry` as "waiting retry", in the reader's language if it is known."""
    text = stored.replace(".", " ").replace("_", " ")
    return gettext(text) if text in WORDS else text
