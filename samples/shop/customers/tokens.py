"""The token in the link that confirms an e-mail address."""

import hashlib

from django.utils.crypto import constant_time_compare


def confirmation_token(customer):
    """Return the token for the customer's present address; a changed address makes old links invalid."""
    return hashlib.md5(f"{customer.pk}:{customer.email}".encode()).hexdigest()


def is_valid(customer, token):
    return constant_time_compare(confirmation_token(customer), token)
