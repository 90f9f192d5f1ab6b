"""Mail to people, through Django's backend, which WRENCH_EMAIL_URL chooses. Never called inside a transaction.

Refuses to know what is said. A mail that cannot be given to the server is told by the answer and in the log, and is
not tried again by itself: whoever asked for it is there, and asks again.
"""

from __future__ import annotations

from smtplib import SMTPException

import structlog
from django.conf import settings
from django.core.mail import EmailMessage

log = structlog.get_logger(__name__)

MAX_SUBJECT = 150


def is_on() -> bool:
    """Tell whether this installation sends mail."""
    return bool(settings.MAIL_IS_ON)


def send(to: str, subject: str, text: str) -> bool:
    """Give a mail to the server. False: it was not taken."""
    message = EmailMessage(subject=" ".join(subject.split())[:MAX_SUBJECT], body=text, to=[to])
    try:
        message.send()
    except (SMTPException, OSError, ValueError) as error:  # ValueError: an address or header that is none
        log.error("mail_not_sent", reason=type(error).__name__, detail=str(error)[:300])
        return False
    log.info("mail_sent", subject=message.subject)
    return True
