"""harness/session.py: what it makes of scenarios and journals; whole sessions are in test_faults and test_grid."""

from __future__ import annotations

from builders import real, right
from msgspec import structs

from harness.model import Journal
from harness.session import gateway_fault, order_for


def test_gateway_fault_is_no_finding_of_the_sample():
    """A request that the gateway failed to answer is told apart from one that it answered, a recorded 500 included."""
    journal = right("key as bearer, prints text").journal
    request = journal.arrivals[-1]
    assert gateway_fault(journal) == ""
    assert gateway_fault(Journal(arrivals=(structs.replace(request, status=500),))) == ""
    failed = structs.replace(request, status=500, why="a fault of its own")
    assert gateway_fault(Journal(arrivals=(failed,))) == "a fault of its own"


def test_order_tells_all_that_the_gateway_answers_from():
    """Host, base path, model, scope and exchanges are the scenario's."""
    for scenario in real().scenarios:
        order = order_for(scenario)
        assert order.endpoint_host in scenario.endpoint.lower()
        assert order.base_path + scenario.request.path == scenario.recording.exchanges[0].request.path
        assert order.models == (scenario.request.body["model"],)
        assert (order.scope, order.exchanges) == (
            "https://cognitiveservices.azure.com/.default",
            scenario.recording.exchanges,
        )
