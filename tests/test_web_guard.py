from appliance.web import guard
from appliance.web.guard import Allowance


def test_an_allowance_is_spent_and_comes_back_with_time(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(guard.time, "monotonic", lambda: now[0])
    allowance = Allowance(rate=2, burst=3)
    assert [allowance.allows("a") for _ in range(5)] == [True, True, True, False, False]
    assert allowance.allows("b")
    now[0] = 1.0
    assert [allowance.allows("a") for _ in range(3)] == [True, True, False]
    now[0] = 1000.0
    assert sum(allowance.allows("a") for _ in range(9)) == 3


def test_clients_are_forgotten_rather_than_remembered_without_end():
    allowance = Allowance(rate=1, burst=1, clients=10)
    for number in range(1000):
        allowance.allows(str(number))
    assert len(allowance._left) == 10
