"""Who buys."""

from django.contrib.auth.models import AbstractUser
from django.db import models


class Customer(AbstractUser):
    """An account. Staff are customers with `is_staff`."""

    email_confirmed_at = models.DateTimeField(null=True, blank=True)
    wants_newsletter = models.BooleanField(default=False)

    def __str__(self):
        return self.get_full_name() or self.username
