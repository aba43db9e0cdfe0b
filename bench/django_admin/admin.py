"""The list: the same columns, order, page size, filters and search as the dashboard's."""

from typing import Any

from django.contrib import admin

from bench.django_admin.models import Connection


@admin.register(Connection)
class ConnectionAdmin(admin.ModelAdmin):  # type: ignore[misc]
    """One query for the rows and their people, not one a row."""

    list_display = ("consent_expires_at", "member", "nickname", "provider_id", "state")
    list_select_related = ("member",)
    list_per_page = 50
    list_filter = ("state", "provider_id")
    search_fields = ("member__name", "member__email")
    ordering: Any = ("consent_expires_at", "id")
