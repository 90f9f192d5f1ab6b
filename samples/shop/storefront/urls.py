"""Every address of the shop."""

from django.contrib import admin
from django.http import HttpResponse
from django.urls import include, path

from catalog import views as catalog
from customers import views as customers
from orders import views as orders
from reports import views as reports

catalog_urls = [
    path("", catalog.product_list, name="list"),
    path("products/<slug:slug>/", catalog.product_detail, name="detail"),
]

customer_urls = [
    path("sign-in/", customers.sign_in, name="sign-in"),
    path("sign-out/", customers.sign_out, name="sign-out"),
    path("confirm/", customers.send_confirmation, name="send-confirmation"),
    path("confirm/<int:customer_id>/<str:token>/", customers.confirm_email, name="confirm"),
]

order_urls = [
    path("cart/", orders.cart, name="cart"),
    path("cart/add/<int:product_id>/", orders.cart_add, name="cart-add"),
    path("checkout/", orders.checkout, name="checkout"),
    path("orders/", orders.history, name="history"),
    path("orders/<uuid:public_id>/", orders.detail, name="detail"),
    path("orders/<uuid:public_id>/refund/", orders.refund, name="refund"),
    path("payments/notify/", orders.payment_notification, name="payment-notification"),
]

report_urls = [
    path("sales.csv", reports.sales_csv, name="sales"),
    path("products/<int:product_id>/", reports.product_figures, name="product"),
    path("exports/", reports.export, name="export"),
]

urlpatterns = [
    path("healthz", lambda _request: HttpResponse("ok"), name="health"),
    path("admin/", admin.site.urls),
    path("account/", include((customer_urls, "customers"))),
    path("reports/", include((report_urls, "reports"))),
    path("", include((order_urls, "orders"))),
    path("", include((catalog_urls, "catalog"))),
]
