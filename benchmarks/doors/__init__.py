"""Two servers over the same rows: the product's, and one of bare Django REST framework."""
