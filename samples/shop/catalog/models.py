"""What the shop sells."""

from django.db import models
from django.urls import reverse


class Category(models.Model):
    """A shelf of the shop, such as "Watering" or "Seeds"."""

    name = models.CharField(max_length=80)
    slug = models.SlugField(unique=True)

    class Meta:
        ordering = ("name",)
        verbose_name_plural = "categories"

    def __str__(self):
        return self.name


class ListedProducts(models.Manager):
    """Products that a visitor may see."""

    def get_queryset(self):
        return super().get_queryset().filter(is_listed=True)


class Product(models.Model):
    """One article with its price and what is left of it."""

    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="products")
    sku = models.CharField("article number", max_length=24, unique=True)
    name = models.CharField(max_length=120)
    search_name = models.CharField(max_length=120, db_index=True, editable=False)
    slug = models.SlugField(max_length=140, unique=True)
    description = models.TextField(blank=True)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    weight_grams = models.PositiveIntegerField()
    stock = models.PositiveIntegerField(default=0)
    is_listed = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = models.Manager()
    listed = ListedProducts()

    class Meta:
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(condition=models.Q(price__gte=0), name="product_price_not_negative"),
        )

    def __str__(self):
        return f"{self.name} ({self.sku})"

    def save(self, *args, **kwargs):
        self.search_name = self.name.lower()
        update_fields = kwargs.get("update_fields")
        if update_fields is not None and "name" in update_fields:
            kwargs["update_fields"] = {*update_fields, "search_name"}
        super().save(*args, **kwargs)

    def get_absolute_url(self):
        return reverse("catalog:detail", args=[self.slug])
