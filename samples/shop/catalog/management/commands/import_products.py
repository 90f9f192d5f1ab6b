"""Bring the price list of a supplier into the catalog."""

from decimal import Decimal, InvalidOperation
from pathlib import Path

import yaml
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils.text import slugify

from catalog.models import Category, Product

REQUIRED = ("sku", "name", "category", "price", "weight_grams")


class Command(BaseCommand):
    """`import_products FILE`: create or update every product of the file, or none of them."""

    help = "Create or update products from a supplier's YAML price list."

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path)
        parser.add_argument("--unlist-missing", action="store_true", help="hide products that the file lacks")

    def handle(self, **options):
        rows = self.read(options["file"])
        with transaction.atomic():
            seen = self.store(rows)
            if options["unlist_missing"]:
                hidden = Product.listed.exclude(sku__in=seen).update(is_listed=False)
                self.stdout.write(f"{hidden} products hidden")
        self.stdout.write(f"{len(seen)} products imported")

    def read(self, path):
        try:
            with path.open(encoding="utf-8") as stream:
                rows = yaml.load(stream, Loader=yaml.Loader)
        except OSError as error:
            raise CommandError(f"cannot read {path}: {error.strerror}") from error
        if not isinstance(rows, list):
            raise CommandError(f"{path} must hold a list of products")
        for number, row in enumerate(rows, start=1):
            if not isinstance(row, dict):
                raise CommandError(f"product {number} must be a mapping")
            missing = [key for key in REQUIRED if key not in row]
            if missing:
                raise CommandError(f"product {number} lacks {', '.join(missing)}")
            try:
                row["price"] = Decimal(str(row["price"]))
            except InvalidOperation as error:
                raise CommandError(f"product {number} has no price: {row['price']!r}") from error
        return rows

    def store(self, rows):
        categories = {category.slug: category for category in Category.objects.all()}
        seen = []
        for row in rows:
            slug = slugify(row["category"])
            if slug not in categories:
                categories[slug] = Category.objects.create(name=row["category"], slug=slug)
            Product.objects.update_or_create(
                sku=row["sku"],
                defaults={
                    "category": categories[slug],
                    "name": row["name"],
                    "slug": slugify(f"{row['name']} {row['sku']}"),
                    "description": row.get("description", ""),
                    "price": row["price"],
                    "weight_grams": row["weight_grams"],
                    "stock": row.get("stock", 0),
                    "is_listed": True,
                },
            )
            seen.append(row["sku"])
        return seen
