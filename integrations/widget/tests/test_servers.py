"""The servers' samples that merchants copy: run as they stand, against the checks that their pages will meet."""

import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from integrations.widget import identity, samples

DOCS = Path(__file__).parents[3] / "docs" / "widget.md"
SECRET, KEY_ID, KEY, CUSTOMER = "s3cret-ü", "wk_7", "w_abc", "c9-ü"[:2]
RUNS = {
    "PHP": ("php", '{code}\necho json_encode([widget_signature({args}), widget_signature_v0({secret}, {customer})]);'),
    "Python": ("python3", "{code}\nimport json\nprint(json.dumps([widget_signature({args}),"
               " widget_signature_v0({secret}, {customer})]))"),
    "Node.js": ("node", "{code}\nconsole.log(JSON.stringify([widgetSignature({args}),"
                " widgetSignatureV0({secret}, {customer})]))"),
    "Ruby": ("ruby", '{code}\nrequire "json"\nputs [widget_signature({args}), '
             "widget_signature_v0({secret}, {customer})].to_json"),
}  # fmt: skip


@pytest.mark.parametrize("server", samples.SERVERS, ids=lambda server: server.language)
def test_samples_sign_what_we_accept(server, tmp_path):
    program, text = RUNS[server.language]
    if not shutil.which(program):
        pytest.skip(f"{program} is not here")
    quoted = {name: json.dumps(value, ensure_ascii=False) for name, value in
              {"secret": SECRET, "id": KEY_ID, "key": KEY, "customer": CUSTOMER}.items()}  # fmt: skip
    script = tmp_path / server.file
    args = ", ".join([quoted["secret"], quoted["id"], quoted["key"], quoted["customer"]])
    text = text.replace("{args}", args).replace("{secret}", quoted["secret"]).replace("{customer}", quoted["customer"])
    script.write_text(text.replace("{code}", server.code))
    run = subprocess.run([program, script], capture_output=True, text=True, timeout=20, check=True)
    v1, v0 = json.loads(run.stdout)
    identity.check_v1(CUSTOMER, v1, api_key=KEY, secrets={KEY_ID: SECRET}, now=time.time())
    identity.check_v0(CUSTOMER, v0, [SECRET])


@pytest.mark.parametrize("server", samples.SERVERS, ids=lambda server: server.language)
def test_the_docs_show_the_same_samples(server):
    assert server.code in DOCS.read_text()
