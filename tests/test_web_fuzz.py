"""The API keeps to its own OpenAPI document, whatever it is asked."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance
from served import served

from appliance.web import live
from appliance.web.guard import Allowance

pytestmark = pytest.mark.timeout(600)

ENDLESS = "/api/stream"
"""An answer without an end cannot be waited for."""

BEYOND_SCHEMAS = [positive_data_acceptance]
"""A schema does not say that a text must be a good configuration, nor which frames are still there."""


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIGIT_APPLIANCE_STATE", str(folder))
        patch.setattr(live, "PATIENCE", 60)  # however slow the machine is, no view goes without a frame
        patch.setattr(Allowance, "allows", lambda self, client: True)
        with served(folder, "4") as appliance:
            yield appliance


def test_every_answer_is_one_that_the_document_promises(here):
    headers = {"Authorization": f"Bearer {here.token}"}
    document = schemathesis.openapi.from_url(f"http://{here.address}/api/openapi.json", headers=headers)
    operations = [one.ok() for one in document.exclude(path=ENDLESS).get_all_operations()]
    assert len(operations) > 15
    for operation in operations:

        @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
        @given(case=operation.as_strategy())
        def check(case):
            case.call_and_validate(headers=headers, timeout=60, excluded_checks=BEYOND_SCHEMAS)

        check()
