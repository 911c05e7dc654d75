"""Random lives of a wallet, beside a model in plain Python that knows nothing of SQL."""

from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from core import clock
from tests.factories import OrganizationFactory, UserFactory
from tests.usage.money import end, figures, findings, hold, remaining, settle
from usage import ledger
from usage.exceptions import InsufficientCredits
from usage.models import Grant

_NEVER = 10**6
_ORDER = {Grant.Kind.PLAN: 0, Grant.Kind.PROMO: 10, Grant.Kind.TOPUP: 20}
few = st.integers(min_value=1, max_value=60)


@dataclass
class Lot:
    row: Grant
    number: int
    days: int
    priority: int
    remaining: int
    is_over: bool = False

    @property
    def order(self):
        return self.days, self.priority, self.number


@dataclass
class Model:
    lots: list[Lot] = field(default_factory=list)
    holds: dict[str, list[tuple[Lot, int]]] = field(default_factory=dict)
    debt: int = 0
    came_in: int = 0
    went_out: int = 0

    @property
    def available(self):
        return sum(lot.remaining for lot in self.lots)

    @property
    def living(self):
        return sum(lot.remaining for lot in self.lots if not lot.is_over)

    @property
    def held(self):
        return sum(credits for drawn in self.holds.values() for _, credits in drawn)

    def draw(self, credits):
        drawn = []
        for lot in sorted(self.lots, key=lambda lot: lot.order):
            if not lot.is_over and (part := min(lot.remaining, credits)):
                lot.remaining -= part
                credits -= part
                drawn.append((lot, part))
        assert credits == 0
        return drawn

    def sweep(self):
        for lot in self.lots:
            if lot.is_over and lot.remaining:
                self.went_out += lot.remaining
                lot.remaining = 0

    def repay(self):
        if self.debt:
            self.sweep()
            paid = min(self.debt, self.available)
            self.draw(paid)
            self.debt -= paid

    def settle(self, reference, capture):
        drawn = sorted(self.holds.pop(reference), key=lambda part: part[0].order)
        left = min(capture, sum(credits for _, credits in drawn))
        gave_back = False
        for lot, credits in drawn:
            captured = min(credits, left)
            left -= captured
            self.went_out += captured
            rest = credits - captured
            if lot.is_over:
                self.went_out += rest
            elif rest:
                lot.remaining += rest
                gave_back = True
        if gave_back:
            self.repay()


class WalletLife(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.organization = OrganizationFactory()
        ledger.open_wallet(self.organization.pk)
        self.actor = UserFactory()
        self.model = Model()
        self.numbers = count()
        self.began_at = clock.now()

    @rule(credits=few, days=st.sampled_from([1, 2, 3, _NEVER]), kind=st.sampled_from(list(_ORDER)))
    def grant(self, credits, days, kind):
        number = next(self.numbers)
        row = ledger.grant(
            self.organization.pk,
            kind=kind,
            credits=credits,
            reference=f"grant:{self.organization.pk}:{number}",
            expires_at=None if days == _NEVER else self.began_at + timedelta(days=days),
        )
        self.model.lots.append(Lot(row, number, days, _ORDER[kind], credits))
        self.model.came_in += credits
        self.model.repay()
        self.model.sweep()

    @rule(credits=few)
    def hold(self, credits):
        answer = hold(self.organization, credits)
        if self.model.debt:
            assert answer == "in_debt"
        elif credits > self.model.available:
            assert answer == "insufficient_credits"
        elif credits > self.model.living:
            assert answer == "insufficient_credits"
            self.model.sweep()
        else:
            assert answer.startswith("job:")
            self.model.holds[answer] = self.model.draw(credits)

    @precondition(lambda self: self.model.holds)
    @rule(data=st.data(), capture=st.integers(min_value=0, max_value=70))
    def settle(self, data, capture):
        # In the order they were made: sorted by their random names, the same draw would mean another hold each time.
        reference = data.draw(st.sampled_from(list(self.model.holds)))
        held = sum(credits for _, credits in self.model.holds[reference])
        assert settle(reference, capture) == min(capture, held)
        assert settle(reference, capture) is None
        self.model.settle(reference, capture)

    @precondition(lambda self: any(not lot.is_over and lot.days != _NEVER for lot in self.model.lots))
    @rule(data=st.data())
    def let_a_grant_end(self, data):
        lasting = [lot for lot in self.model.lots if not lot.is_over and lot.days != _NEVER]
        lot = data.draw(st.sampled_from(lasting))
        end(lot.row)
        # It ended just now: before all that last, after all that ended earlier.
        lot.is_over, lot.days = True, next(self.numbers) - _NEVER

    @rule()
    def sweep(self):
        ledger.expire(self.organization.pk)
        self.model.sweep()

    @rule(credits=few, into_debt=st.booleans())
    def take(self, credits, into_debt):
        reference = f"take:{self.organization.pk}:{next(self.numbers)}"
        try:
            ledger.adjust(
                self.organization.pk,
                credits=-credits,
                reference=reference,
                actor_id=self.actor.pk,
                reason="test",
                into_debt=into_debt,
            )
        except InsufficientCredits:
            assert not into_debt
            assert credits > self.model.living
            return
        self.model.sweep()
        taken = min(credits, self.model.available)
        self.model.draw(taken)
        self.model.went_out += credits
        self.model.debt += credits - taken

    @invariant()
    def the_wallet_is_the_model(self):
        assert figures(self.organization) == (self.model.available, self.model.held, self.model.debt)
        assert remaining(*[lot.row for lot in self.model.lots]) == [lot.remaining for lot in self.model.lots]
        kept = self.model.available + self.model.held - self.model.debt
        assert self.model.came_in - self.model.went_out == kept

    def teardown(self):
        assert findings(self.organization) == []


def test_a_wallet_lives_as_the_model_says(committed):
    run_state_machine_as_test(
        WalletLife,
        settings=settings(
            max_examples=30,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            print_blob=True,
        ),
    )
