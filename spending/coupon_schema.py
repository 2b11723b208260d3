"""What the OpenAPI document says of the calls in coupon_api.py."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema

from customers.schema import asked
from loyalty.stores.schema import describe

from .coupon_serializers import (
    CodeSerializer,
    ImportSerializer,
    NewPoolSerializer,
    PoolChangeSerializer,
    PoolSerializer,
    ReadAsSerializer,
)
from .models import CouponCode

TAGS = ["Codes"]
NEEDS = "Needs the scope `adjust`."
CSV = {(200, "text/csv"): OpenApiResponse(OpenApiTypes.BINARY, "A CSV file.")}
FILE = {
    "multipart/form-data": {
        "type": "object", "required": ["file"], "properties": {"file": {"type": "string", "format": "binary"}},
    },
    "text/csv": {"type": "string", "format": "binary"},
}  # fmt: skip


def step(summary: str, description: str):
    return extend_schema(
        summary=summary, description=f"{description} {NEEDS}", tags=TAGS, request=None, responses=ImportSerializer
    )


pools = describe(
    list=extend_schema(summary="List the lists of codes", tags=TAGS),
    retrieve=extend_schema(summary="Show a list of codes", tags=TAGS),
    create=extend_schema(
        operation_id="code_pools_create", summary="Add a list of codes", description=NEEDS, tags=TAGS,
        request=NewPoolSerializer, responses={201: PoolSerializer},
        examples=[OpenApiExample("A list", {"name": "Five off", "low_stock_at": 50}, request_only=True)],
    ),
    partial_update=extend_schema(
        operation_id="code_pools_update", summary="Change a list of codes", description=NEEDS, tags=TAGS,
        request=PoolChangeSerializer, responses=PoolSerializer,
    ),
)  # fmt: skip

codes = describe(
    list=extend_schema(
        operation_id="code_pools_codes",
        summary="List the codes of a list",
        tags=TAGS,
        parameters=[
            asked("state", "In this state only.", enum=list(CouponCode.State)),
            asked("code", "The one with this code, in upper or lower case."),
        ],
        responses=CodeSerializer(many=True),
    ),
    export=extend_schema(
        operation_id="code_pools_export",
        summary="Export a list of codes as CSV",
        description="A cell that a spreadsheet would take for a formula begins with an apostrophe.",
        tags=TAGS,
        responses=CSV,
    ),
)

imports = describe(
    list=extend_schema(
        operation_id="code_pools_imports", summary="List the imports of a list", tags=TAGS,
        responses=ImportSerializer(many=True),
    ),
    create=extend_schema(
        operation_id="code_pools_import",
        summary="Upload codes",
        description="A CSV of up to 100 MB and 1,000,000 rows: one code on each line, or columns named `code`, "
        f"`value` and `expires_on`. The file is checked first: ask for the import until it is `checked`, then confirm "
        f"it. Send one file, in one piece and with its Content-Length (else 411). {NEEDS}",
        tags=TAGS,
        parameters=[asked("file_name", "What the file is called, where the body is the file itself.")],
        request=FILE,
        responses={202: ImportSerializer},
    ),
    retrieve=extend_schema(
        operation_id="code_imports_retrieve", summary="Show an import, what it found and how far it is", tags=TAGS
    ),
    flaws=extend_schema(
        operation_id="code_imports_not_usable", summary="Download the rows that are not usable", tags=TAGS,
        responses=CSV,
    ),
    confirm=step("Import what was checked", "Adds the new codes of a file that is `checked`."),
    cancel=step("Cancel an import", "Before its end. Codes that are in are taken back, but for issued ones."),
    undo=step("Undo an import", "Deletes all its codes, while none of them was issued."),
    read_as=extend_schema(
        summary="Read the file differently",
        description=f"Says in which encoding a file is that is `asking`, or which columns to take. {NEEDS}",
        tags=TAGS,
        request=ReadAsSerializer,
        responses=ImportSerializer,
        examples=[OpenApiExample("An encoding", {"encoding": "cp1252"}, request_only=True)],
    ),
)  # fmt: skip
