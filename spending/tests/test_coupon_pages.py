"""Lists of codes and imports as people see them."""

from datetime import date

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from spending import coupon_imports, coupon_steps
from spending.models import CodePool, CouponImport


@pytest.fixture
def pool(store) -> CodePool:
    return CodePool.objects.create(store=store, name="Five off")


def url(name: str, *args) -> str:
    return reverse(f"spending:{name}", args=["acme", *args])


def upload(client, pool, content: bytes, name: str = "codes.csv"):
    return client.post(url("import_create", pool.public_id), {"file": SimpleUploadedFile(name, content)})


def page(client, *args, **query) -> str:
    answer = client.get(url(*args), query)
    assert answer.status_code == 200
    return answer.content.decode()


def work(store) -> None:
    coupon_steps.work(store.pk)


def test_from_a_new_list_to_codes_in_it(store, owner, sign_in):
    client = sign_in(owner)
    assert "No codes yet" in page(client, "pool_list")
    client.post(url("pool_create"), {"name": "Five off", "low_stock_at": 1, "when_empty": "refuse"})
    pool = CodePool.objects.get()
    assert upload(client, pool, b"code\nA1\nA2\nA 3\n").status_code == 302
    row = CouponImport.objects.get()
    assert "Checking the whole file" in page(client, "import_detail", row.public_id)
    work(store)
    report = page(client, "import_detail", row.public_id)
    assert "Import 2 codes" in report and "The code has a space in it." in report
    client.post(url("import_confirm", row.public_id))
    work(store)
    assert "2 codes added" in page(client, "import_detail", row.public_id)
    assert "A1" in page(client, "pool_detail", pool.public_id)
    assert "codes.csv" in page(client, "pool_detail", pool.public_id, tab="imports")
    assert "Five off" in page(client, "pool_list")


def test_progress_reloads_the_page_when_the_step_has_ended(store, owner, sign_in, pool):
    client = sign_in(owner)
    upload(client, pool, b"A1\n")
    row = CouponImport.objects.get()
    address = url("import_detail", row.public_id) + "?state=checking"
    answer = client.get(address, headers={"HX-Request": "true"})
    assert b"<progress" in answer.content and b"<html" not in answer.content
    work(store)
    assert client.get(address, headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"


def test_a_file_in_another_encoding_is_shown_in_those_it_may_be_in(store, owner, sign_in, pool):
    client = sign_in(owner)
    upload(client, pool, "ÄPFEL-1\n".encode("cp1252"))
    work(store)
    row = CouponImport.objects.get()
    asked = page(client, "import_detail", row.public_id)
    assert "ÄPFEL-1" in asked and "Western European (Windows)" in asked
    client.post(url("import_encoding", row.public_id), {"encoding": "cp1252"})
    work(store)
    assert "Import 1 code" in page(client, "import_detail", row.public_id)


def test_the_columns_can_be_chosen(store, owner, sign_in, pool):
    client = sign_in(owner)
    upload(client, pool, b"1;A1;5\n2;A2;5\n")
    work(store)
    row = CouponImport.objects.get()
    client.post(url("import_layout", row.public_id), {"delimiter": ";", "code": "1", "value": "2", "expires_on": ""})
    work(store)
    client.post(url("import_confirm", row.public_id))
    work(store)
    assert list(pool.codes.order_by("id").values_list("code", "value")) == [("A1", 5), ("A2", 5)]


@pytest.mark.parametrize("content, said", [(b"", "empty"), (b"PK\x03\x04x", "zip archive")])
def test_a_refused_upload_says_why(store, owner, sign_in, pool, content, said):
    answer = upload(sign_in(owner), pool, content)
    assert answer.status_code == 400 and said in answer.content.decode()


def test_a_file_over_the_limit_is_refused_by_its_announced_length_and_while_it_is_read(
    store, owner, sign_in, pool, monkeypatch
):
    client = sign_in(owner)
    address = url("import_create", pool.public_id)
    answer = client.generic(
        "POST", address, b"x", content_type="multipart/form-data; boundary=b", CONTENT_LENGTH="2147483648"
    )
    assert answer.status_code == 413 and b"larger than 100 MB" in answer.content
    monkeypatch.setattr(coupon_imports, "MAX_BYTES", 100_000)
    answer = upload(client, pool, b"CODE-1\n" * 20_000)
    assert answer.status_code == 413
    assert not CouponImport.objects.exists()


def test_only_those_who_may_edit_import_and_export(store, viewer, sign_in, pool):
    client = sign_in(viewer)
    assert upload(client, pool, b"A1\n").status_code == 403
    assert client.get(url("pool_export", pool.public_id)).status_code == 403
    assert "Import codes" not in page(client, "pool_detail", pool.public_id)


def test_the_export_asks_for_the_password_and_has_no_formula(store, owner, sign_in, pool, add_codes):
    add_codes(pool, 2)
    pool.codes.filter(code="C1").update(code="=SUM(A1)")
    pool.codes.filter(code="C2").update(code="＠x", state="issued", value=5, expires_on=date(2030, 1, 2))
    client = sign_in(owner, long_ago=True)
    address = url("pool_export", pool.public_id)
    assert client.get(address).status_code == 302
    client.post(reverse("account_reauthenticate"), {"password": "correct horse battery"})
    lines = b"".join(client.get(address).streaming_content).decode().split("\r\n")
    assert lines[0] == "code,state,value,expires_on,created_at"
    assert lines[1].startswith("'=SUM(A1),free,,,")
    assert lines[2].startswith("'＠x,issued,5.00,2030-01-02,")


def test_all_unusable_lines_can_be_downloaded(store, owner, sign_in, pool):
    client = sign_in(owner)
    upload(client, pool, b"\n".join([b"A1", *[b"=a b"] * 150]))
    work(store)
    answer = client.get(url("import_flaws", CouponImport.objects.get().public_id))
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert len(lines) == 151 and lines[1] == "2,'=a b,The code has a space in it."


def test_lists_do_not_fall_back_in_a_circle(store, owner, sign_in, pool):
    client = sign_in(owner)
    other = CodePool.objects.create(store=store, name="Other", when_empty="fallback", fallback=pool)
    form = {"name": "Five off", "low_stock_at": 1, "when_empty": "fallback", "fallback": str(other.public_id)}
    answer = client.post(url("pool_update", pool.public_id), form)
    assert "takes codes from this list itself" in answer.content.decode()
    pool.refresh_from_db()
    assert pool.fallback is None


def test_a_list_of_another_store_cannot_be_the_fallback(store, other_store, owner, sign_in, pool):
    theirs = CodePool.objects.create(store=other_store, name="Theirs")
    form = {"name": "Five off", "low_stock_at": 1, "when_empty": "fallback", "fallback": str(theirs.public_id)}
    assert sign_in(owner).post(url("pool_update", pool.public_id), form).status_code == 200
    pool.refresh_from_db()
    assert pool.fallback_id is None


def test_an_import_can_be_cancelled_and_undone_from_its_page(store, owner, sign_in, pool):
    client = sign_in(owner)
    upload(client, pool, b"A1\n")
    work(store)
    row = CouponImport.objects.get()
    client.post(url("import_cancel", row.public_id))
    assert "No code of this file is in the list" in page(client, "import_detail", row.public_id)
    upload(client, pool, b"A1\n")
    work(store)
    second = CouponImport.objects.latest("id")
    client.post(url("import_confirm", second.public_id))
    work(store)
    client.post(url("import_undo", second.public_id))
    work(store)
    assert "Undone" in page(client, "import_detail", second.public_id)
    assert not pool.codes.exists()
