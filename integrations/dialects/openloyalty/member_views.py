"""Members and their wallets."""

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from . import listing, members, tables
from . import member_serializers as shapes
from .calls import StoreCall
from .rendering import render_member, render_one_member, render_wallet, wallet_id


class MemberList(StoreCall):
    def get(self, request: Request) -> Response:
        def shown(member: members.Customer) -> dict:
            return render_member(member, self.store)

        rows, fields = members.of(self.store), tables.members(self.store)
        return Response(listing.page(rows, fields, request.query_params, shown, self.store, scrolls=True))

    def post(self, request: Request) -> Response:
        member = members.create(self.store, self.connection, self.told(shapes.NewMember, "customer"))
        return Response({"customerId": str(member.public_id), "email": member.email})


class MemberDetail(StoreCall):
    unbuilt = {"put", "patch", "delete"}

    def get(self, request: Request, member: str) -> Response:
        return Response(render_one_member(members.get(self.store, member), self.store))


class WalletList(StoreCall):
    def get(self, request: Request, member: str) -> Response:
        wallet = render_wallet(members.get(self.store, member), self.store)
        return Response({"items": [wallet], "total": {"all": 1, "filtered": 1, "estimated": False}})


class WalletDetail(StoreCall):
    def get(self, request: Request, member: str, wallet: str) -> Response:
        found = members.get(self.store, member)
        if wallet.lower() != wallet_id(found):
            raise Http404
        return Response(render_wallet(found, self.store))
