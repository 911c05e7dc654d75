"""Pages of a table that may hold millions of rows, without counting them."""

from functools import cached_property

from django.core.paginator import Paginator
from django.db import connections
from django.db.models import QuerySet

MOST_COUNTED = 10_000


class EstimatingPaginator(Paginator):  # type: ignore[type-arg]  # of any model
    """Counts exactly up to 10,000 rows; beyond that it asks the planner's statistics, or stops there when filtered."""

    template_name = "admin/desk/pagination.html"
    object_list: QuerySet  # type: ignore[type-arg]  # of any model

    @cached_property
    def count(self) -> int:
        counted = self.object_list.order_by()[:MOST_COUNTED].count()
        if counted < MOST_COUNTED or self.object_list.query.has_filters():
            return counted
        return max(counted, self._estimate())

    @property
    def told(self) -> str:
        """The count in words that claim no more than is known."""
        return f"{self.count:,}" if self.count < MOST_COUNTED else f"about {self.count:,}"

    def _estimate(self) -> int:
        table = self.object_list.model._meta.db_table
        with connections[self.object_list.db].cursor() as cursor:
            cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [table])
            (rows,) = cursor.fetchone()
        return int(rows)
