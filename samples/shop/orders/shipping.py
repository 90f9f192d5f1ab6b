"""What the delivery of a parcel costs."""

from bisect import bisect_left
from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings

HOME = "GB"
NEIGHBOURS = frozenset({"IE", "FR", "BE", "NL", "LU", "DE"})
PACKAGING_GRAMS = 180

# Heaviest parcel of each band in grams, and its price in pounds, from the carrier's list of January 2025.
BAND_LIMITS = (1_000, 2_000, 5_000, 10_000, 20_000)
BAND_PRICES = {
    "home": (Decimal("3.20"), Decimal("4.45"), Decimal("6.10"), Decimal("8.75"), Decimal("13.40")),
    "near": (Decimal("8.90"), Decimal("11.20"), Decimal("15.75"), Decimal("22.30"), Decimal("34.00")),
    "far": (Decimal("14.60"), Decimal("19.80"), Decimal("31.25"), Decimal("52.10"), Decimal("88.00")),
}
DAYS = {"home": 2, "near": 5, "far": 12}


class TooHeavy(Exception):
    """No carrier takes the parcel."""


@dataclass(frozen=True)
class Quote:
    """The price of a delivery and the working days that it takes."""

    price: Decimal
    days: int


def zone(country):
    if country == HOME:
        return "home"
    return "near" if country in NEIGHBOURS else "far"


def _volumetric_grams(length_cm, width_cm, height_cm):
    return length_cm * width_cm * height_cm // 5


def quote(weight_grams, country, goods_value):
    """Price the delivery of a parcel.

    Args:
        weight_kg: weight of the goods in kilograms, without the packaging.
        country: two-letter code of the destination.
        express: whether the parcel goes by courier, at twice the price.

    Returns:
        The price in pounds as a Decimal.

    Raises:
        TooHeavy: the parcel is heavier than the last band.
    """
    parcel = weight_grams + PACKAGING_GRAMS
    if parcel > BAND_LIMITS[-1]:
        raise TooHeavy(f"a parcel of {parcel} g is over the limit of {BAND_LIMITS[-1]} g")
    where = zone(country)
    if where == "home" and goods_value >= settings.FREE_SHIPPING_FROM:
        return Quote(Decimal(0), DAYS[where])
    return Quote(BAND_PRICES[where][bisect_left(BAND_LIMITS, parcel)], DAYS[where])
