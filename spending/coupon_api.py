"""Native calls about lists of codes and their imports."""

import tempfile
from collections.abc import Callable, Iterator
from typing import IO, Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import get_object_or_404
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request
from rest_framework.response import Response

from loyalty.stores import audit
from loyalty.stores.api import StoreViewSet
from loyalty.stores.models import ApiKey
from loyalty.stores.parsers import check_uncompressed
from loyalty.stores.problems import Problem
from loyalty.stores.tenancy import acting_for

from . import coupon_downloads, coupon_imports, coupon_schema
from .coupon_imports import FileTooLarge, NotPossible
from .coupon_serializers import (
    CodeSerializer,
    ImportSerializer,
    NewPoolSerializer,
    PoolChangeSerializer,
    PoolSerializer,
    ReadAsSerializer,
)
from .csv_layout import Unreadable
from .models import CodePool, CouponCode, CouponImport, code_key
from .uploads import AROUND, LimitedUpload, only_file

CHUNK = 64 * 1024


class PoolCalls(StoreViewSet):
    """What calls about a list share: changing codes needs the scope that changing rewards needs."""

    def pool(self) -> CodePool:
        return get_object_or_404(self.store.code_pools.select_related("fallback"), public_id=self.kwargs["public_id"])


@coupon_schema.pools
class PoolViewSet(PoolCalls):
    queryset = CodePool.objects.none()
    serializer_class = PoolSerializer
    scopes = dict.fromkeys(("create", "partial_update"), ApiKey.Scope.ADJUST)

    def get_queryset(self) -> QuerySet[CodePool]:
        return self.store.code_pools.select_related("fallback")

    def shown(self, rows: Any, **kwargs: Any) -> Any:
        return PoolSerializer(rows, context={"store": self.store}, **kwargs).data

    def list(self, request: Request) -> Response:
        return self.get_paginated_response(self.shown(self.paginate_queryset(self.get_queryset()), many=True))

    def retrieve(self, request: Request, public_id: UUID) -> Response:
        return Response(self.shown(self.pool()))

    def create(self, request: Request) -> Response:
        serializer = NewPoolSerializer(data=self.body(), context={"store": self.store})
        serializer.is_valid(raise_exception=True)
        pool = audit.made(request, CodePool.objects.create(store=self.store, **serializer.validated_data))
        return Response(self.shown(pool), 201)

    def partial_update(self, request: Request, public_id: UUID) -> Response:
        pool = audit.about(request, self.pool())
        serializer = PoolChangeSerializer(pool, data=self.body(), context={"store": self.store})
        serializer.is_valid(raise_exception=True)
        if serializer.validated_data:
            self.store.code_pools.filter(pk=pool.pk).update(**serializer.validated_data)
        return self.retrieve(request, public_id)


@coupon_schema.codes
class CodeViewSet(PoolCalls):
    queryset = CouponCode.objects.none()
    serializer_class = CodeSerializer

    def list(self, request: Request, public_id: UUID) -> Response:
        codes = self.store.coupon_codes.filter(pool=self.pool())
        if code := request.query_params.get("code"):
            codes = codes.filter(code_key=code_key(code))
        return self.get_paginated_response(CodeSerializer(self.paginate_queryset(codes), many=True).data)

    def narrowing(self) -> Q | None:
        state = self.request.query_params.get("state")
        if not state:
            return None
        if state not in CouponCode.State:
            raise Problem(400, "invalid", f"state must be one of {', '.join(CouponCode.State)}.")
        return Q(state=state)

    def export(self, request: Request, public_id: UUID) -> HttpResponseBase:
        pool = self.pool()
        audit.note(request, pool)
        return coupon_downloads.codes(self.store, pool)


@coupon_schema.imports
class ImportViewSet(PoolCalls):
    queryset = CouponImport.objects.none()
    serializer_class = ImportSerializer
    refusals = {FileTooLarge: 413, Unreadable: 400, NotPossible: 409}
    scopes = dict.fromkeys(("create", "confirm", "read_as", "cancel", "undo"), ApiKey.Scope.ADJUST)
    commits_alone = {"create"}

    def get_object(self) -> CouponImport:
        imports = self.store.coupon_imports.select_related("pool", "store")
        return audit.about(self.request, get_object_or_404(imports, public_id=self.kwargs["public_id"]))

    def list(self, request: Request, public_id: UUID) -> Response:
        imports = self.store.coupon_imports.filter(pool=self.pool()).select_related("pool")
        return self.get_paginated_response(ImportSerializer(self.paginate_queryset(imports), many=True).data)

    def retrieve(self, request: Request, public_id: UUID) -> Response:
        return Response(ImportSerializer(self.get_object()).data)

    def create(self, request: Request, public_id: UUID) -> Response:
        """The file is read before the transaction begins: a slow upload holds nothing in the database."""
        with acting_for(self.store.pk):
            pool = self.pool()
        file, name = received(request)
        with file, acting_for(self.store.pk):
            row = audit.made(request, coupon_imports.start(self.store, pool, read(file), name, self.actor))
            audit.finish(request, self.store, f"api:{self.kind()}.create")
            return Response(ImportSerializer(row).data, 202)

    def flaws(self, request: Request, public_id: UUID) -> HttpResponseBase:
        return coupon_downloads.flaws(self.get_object())

    def confirm(self, request: Request, public_id: UUID) -> Response:
        return self.after(coupon_imports.confirm)

    def cancel(self, request: Request, public_id: UUID) -> Response:
        return self.after(coupon_imports.cancel)

    def undo(self, request: Request, public_id: UUID) -> Response:
        return self.after(coupon_imports.undo)

    def read_as(self, request: Request, public_id: UUID) -> Response:
        serializer = ReadAsSerializer(self.get_object(), data=self.body())
        serializer.is_valid(raise_exception=True)
        return self.after(lambda row: coupon_imports.read_as(row, **serializer.validated_data))

    def after(self, verb: Callable[[CouponImport], CouponImport]) -> Response:
        return Response(ImportSerializer(verb(self.get_object())).data)


def received(request: Request) -> tuple[IO[bytes], str]:
    """The uploaded file and its name: a part `file` of a form, or the body itself. Raises FileTooLarge."""
    plain: HttpRequest = request._request
    announced = int(plain.META.get("CONTENT_LENGTH") or 0)
    if announced > coupon_imports.MAX_BYTES + AROUND:
        raise FileTooLarge
    if "HTTP_TRANSFER_ENCODING" in plain.META:
        raise Problem(411, "length-required", "Say the length of the file as Content-Length, and send it in one piece.")
    check_uncompressed(plain, plain.content_type or "")
    if plain.content_type == "multipart/form-data":
        return of_form(plain)
    if plain.content_type not in ("text/csv", "text/plain"):
        raise UnsupportedMediaType(plain.content_type or "", "Send the file as text/csv, or as `file` of a form.")
    return of_body(plain, announced), request.query_params.get("file_name", "").replace("\0", "")


def of_body(request: HttpRequest, announced: int) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    came = 0
    while chunk := request.read(CHUNK):
        came += len(chunk)
        if came > coupon_imports.MAX_BYTES:
            raise FileTooLarge
        file.write(chunk)
    if came < announced:
        raise Problem(400, "invalid", f"The file ended after {came:,} of {announced:,} bytes. Send it again.")
    file.seek(0)
    return file


def of_form(request: HttpRequest) -> tuple[IO[bytes], str]:
    handler = LimitedUpload(request)
    request.upload_handlers = [handler]
    try:
        file = only_file(request)
    except MultiPartParserError as error:
        raise Problem(400, "invalid", f"The form cannot be read. {error}") from error
    if handler.is_too_large:
        raise FileTooLarge
    if file is None:
        raise Problem(400, "invalid", "Send one file, as the part `file` of the form.")
    return file, file.name or ""


def read(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk
