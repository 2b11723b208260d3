"""Lists of codes and imports by the native API."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from loyalty.stores.models import ApiKey
from spending import coupon_imports, coupon_steps
from spending.models import CodePool, CouponImport


@pytest.fixture
def pool(store) -> CodePool:
    return CodePool.objects.create(store=store, name="Five off")


def at(pool: CodePool, rest: str = "") -> str:
    return f"/api/v1/code-pools/{pool.public_id}{rest}"


def upload(api, pool, content: bytes):
    return api.generic("POST", at(pool, "/imports?file_name=May.csv"), content, content_type="text/csv")


def test_a_list_is_added_changed_and_told(store, api):
    answer = api.post("/api/v1/code-pools", {"name": "Five off", "low_stock_at": 5})
    assert answer.status_code == 201
    pool = answer.json()
    assert pool["counts"] == dict.fromkeys(("free", "issued", "used", "expired", "void", "total"), 0)
    answer = api.patch(f"/api/v1/code-pools/{pool['id']}", {"name": "Ten off"})
    assert answer.json()["name"] == "Ten off" and answer.json()["low_stock_at"] == 5
    assert [row["name"] for row in api.get("/api/v1/code-pools").json()["data"]] == ["Ten off"]


@pytest.mark.parametrize(
    "values",
    [{"when_empty": "fallback"}, {"low_stock_at": 1_000_000}, {"name": ""}, {"colour": 1}, {"fallback": "x"}],
)
def test_a_change_that_makes_no_sense_is_refused(api, pool, values):
    assert api.patch(at(pool), values).status_code == 400


def test_a_list_may_not_fall_back_on_itself_or_on_a_strangers(api, pool, other_store):
    theirs = CodePool.objects.create(store=other_store, name="Theirs")
    for other in (pool, theirs):
        answer = api.patch(at(pool), {"when_empty": "fallback", "fallback": str(other.public_id)})
        assert answer.status_code == 400


def test_from_upload_to_codes(store, api, pool):
    answer = upload(api, pool, b"A1\nA2\nA 3\n")
    assert answer.status_code == 202 and answer.json()["state"] == "checking"
    address = f"/api/v1/code-imports/{answer.json()['id']}"
    coupon_steps.work(store.pk)
    found = api.get(address).json()
    assert (found["state"], found["file_name"], found["new"], found["invalid"]) == ("checked", "May.csv", 2, 1)
    assert found["problems"] == [{"line": 3, "text": "A 3", "why": "The code has a space in it."}]
    flaws = b"".join(api.get(f"{address}/not-usable.csv").streaming_content)
    assert flaws == b"line,text,why\r\n3,A 3,The code has a space in it.\r\n"
    assert api.post(f"{address}/confirm").json()["state"] == "loading"
    assert api.post(f"{address}/confirm").status_code == 409
    coupon_steps.work(store.pk)
    assert api.get(address).json()["loaded"] == 2
    assert [row["code"] for row in api.get(at(pool, "/codes")).json()["data"]] == ["A2", "A1"]
    assert [row["code"] for row in api.get(at(pool, "/codes?code=a1&state=free")).json()["data"]] == ["A1"]
    assert b"A1,free" in b"".join(api.get(at(pool, "/codes.csv")).streaming_content)
    assert api.post(f"{address}/undo").json()["state"] == "undoing"


def test_a_form_is_taken_too(store, api, pool):
    file = SimpleUploadedFile("codes.csv", b"A1\n")
    assert api.post(at(pool, "/imports"), {"file": file}, format="multipart").status_code == 202
    assert api.post(at(pool, "/imports"), {"other": "x"}, format="multipart").status_code == 400


def test_the_encoding_is_asked_and_told(store, api, pool):
    address = f"/api/v1/code-imports/{upload(api, pool, 'ÄPFEL'.encode('cp1252')).json()['id']}"
    coupon_steps.work(store.pk)
    found = api.get(address).json()
    assert found["state"] == "asking"
    assert {"encoding": "cp1252", "label": "Western European (Windows)", "text": "ÄPFEL"} in found["encodings"]
    assert api.post(f"{address}/read-as", {"encoding": "utf-7"}).status_code == 400
    assert api.post(f"{address}/read-as", {"encoding": "cp1252"}).json()["state"] == "checking"
    coupon_steps.work(store.pk)
    assert api.post(f"{address}/read-as", {"code": 3}).status_code == 400
    assert api.get(address).json()["new"] == 1


def test_what_is_no_codes_is_refused(api, pool, monkeypatch):
    assert upload(api, pool, b"PK\x03\x04").status_code == 400
    assert upload(api, pool, b"").status_code == 400
    assert api.post(at(pool, "/imports"), {"codes": ["A1"]}).status_code == 415
    monkeypatch.setattr(coupon_imports, "MAX_BYTES", 100_000)
    assert upload(api, pool, b"CODE-1\n" * 20_000).status_code == 413
    assert upload(api, pool, b"CODE-1\n" * 40_000).status_code == 413
    assert not CouponImport.objects.exists()


def test_the_same_call_again_under_its_key_uploads_once(store, api, pool):
    for _ in range(2):
        answer = api.generic(
            "POST", at(pool, "/imports"), b"A1\n", content_type="text/csv", HTTP_IDEMPOTENCY_KEY="upload-1"
        )
        assert answer.status_code == 202
    assert CouponImport.objects.count() == 1


def test_a_key_that_may_only_write_facts_changes_no_codes(store, api, pool):
    _, clear = ApiKey.issue(store, "facts", ["read", "write"])
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {clear}")
    assert upload(api, pool, b"A1\n").status_code == 403
    assert api.post("/api/v1/code-pools", {"name": "x"}).status_code == 403
    assert api.get(at(pool)).status_code == 200
