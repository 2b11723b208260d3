"""The native API against its own OpenAPI document: whatever is sent, it answers as the document says."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import schemathesis
from django.db import transaction
from hypothesis import HealthCheck, settings
from schemathesis.generation.hypothesis.builder import HypothesisTestConfig, HypothesisTestMode, create_test
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from conftest import sized
from loyalty.stores.tenancy import act_for
from loyalty.tests.test_headers import kept_connection  # noqa: F401
from loyalty.wsgi import application

# Not asked of us, each with its reason:
EXCLUDED = [
    # Clients write ids and yes or no as text or as number, and a batch answers for each item: more is taken than the
    # document promises. That nothing worse is taken is for test_bad_bodies.
    negative_data_rejection,
    # No document can say which cursors, customers, dates and combinations there are: less may be taken.
    positive_data_acceptance,
]
Mode = HypothesisTestMode
# Coverage goes through each keyword of the document: thorough, and most of the time that all takes.
MODES = [Mode.EXAMPLES, Mode.FUZZING, Mode.COVERAGE][: sized(2, 3)]
HOW = settings(
    max_examples=sized(20, 60), database=None, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)


class Product:
    """The application as a stranger finds it. What a call does is undone, so that each meets the same store."""

    def __init__(self) -> None:
        self.answers: Counter[str] = Counter()

    def __call__(self, environ: dict[str, Any], start_response: Callable) -> Iterable[bytes]:
        def noted(status: str, *rest: Any) -> Callable:
            self.answers[status[:3]] += 1
            return start_response(status, *rest)

        with transaction.atomic():
            act_for()
            answer = application(environ, noted)
            body = list(answer)
            answer.close()
            transaction.set_rollback(True)
        return body


def fuzz(operation: schemathesis.APIOperation, key: str) -> Callable[[], None]:
    def holds(case: schemathesis.Case) -> None:
        case.call_and_validate(headers={"Authorization": f"Bearer {key}"}, excluded_checks=EXCLUDED)

    told = HypothesisTestConfig(project=operation.schema.config, modes=MODES, settings=HOW, seed=1)
    return create_test(operation=operation, test_func=holds, config=told)


def test_every_answer_is_as_the_document_says(kept_connection, those):  # noqa: F811
    product, faults = Product(), []
    document = schemathesis.openapi.from_wsgi("/api/v1/schema?format=json", product, config=schemathesis.Config())
    for found in document.get_all_operations():
        operation = found.ok()
        try:
            fuzz(operation, those.clear_key)()
        except (Exception, BaseExceptionGroup) as fault:
            faults.append(f"{operation.label}: {fault}")
    assert faults == []
    assert product.answers.total() >= 1_000, product.answers
    assert {"200", "201", "400", "401", "404"} <= set(product.answers)
    assert not any(status >= "500" for status in product.answers)
