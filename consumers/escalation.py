"""Asks managed AI about what the local detectors leave open; whatever becomes of it, the verdict lands.

What is not answered in time, within the budget, or because a service is down or left alone by its breaker, is marked
degraded and goes on with what the local detectors found. Nothing here makes a batch fail.

Budgets and breakers live as long as this object, which is as long as the execution environment. It serves one batch at
a time, as Lambda does.
"""

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence

from msgspec import Struct

from consumers.breaker import Breaker
from consumers.budget import HourlyBudget
from consumers.moderation.managed import OpenCase, Part, calls, contents, signals_of
from consumers.moderation.rules import ManagedRule
from consumers.ports import DefectError, Each, ManagedServices, Question, TransientError, UnanswerableError
from consumers.resend import Retry
from glue.contract import Signal
from glue.ports import Clock

SHARE = 0.5
"""Of the time that is left; the rest is for landing the verdicts."""
CALL_SECONDS = 3.5
"""The longest that one call takes; none is begun when less is left."""
AT_ONCE = 8
"""Calls under way together."""

RETRY = Retry(attempts=3, base=0.2, cap=1.0)

_Outcome = Sequence[Mapping[str, float]] | TransientError | UnanswerableError | DefectError


class Opinion(Struct, frozen=True):
    """What managed AI said about one event.

    Args:
        signals: what it found.
        degraded: whether something is missing that the policy asks for.
    """

    signals: tuple[Signal, ...]
    degraded: bool


class Tally(Struct, frozen=True):
    """What asking came to in one batch.

    Args:
        calls: calls that were made.
        failures: calls that failed.
        opened: times that a breaker opened.
        degraded: verdicts that lack an answer.
        over_budget: calls that were not made because the hour's were used up.
    """

    calls: int = 0
    failures: int = 0
    opened: int = 0
    degraded: int = 0
    over_budget: int = 0


class _Call(Struct):
    """One call to make, and how often it was made."""

    rule: ManagedRule
    parts: list[Part]
    attempts: int = 0


class Escalation:
    """The second look at a batch.

    Args:
        services: whom to ask; None: nobody, and what is open is degraded.
        clock: time and jitter.
        retry: how often a call is made, and the waits between.
        each: runs the calls of a wave, perhaps at the same time.
    """

    def __init__(
        self, services: ManagedServices | None, *, clock: Clock, retry: Retry = RETRY, each: Each = map
    ) -> None:
        self._services = services
        self._clock = clock
        self._retry = retry
        self._each = each
        self._breakers: defaultdict[tuple[str, str | None], Breaker] = defaultdict(Breaker)
        self._budgets: defaultdict[str, HourlyBudget] = defaultdict(HourlyBudget)

    def ask(self, cases: Sequence[OpenCase], *, deadline: float) -> tuple[list[Opinion], Tally]:
        """For each case, in order, what managed AI says; and what asking came to.

        Args:
            cases: what is open.
            deadline: seconds since 1970 at which the batch's time is up.
        """
        if self._services is None:
            return [Opinion((), degraded=True) for _ in cases], Tally(degraded=len(cases))
        now = self._clock.now()
        round_ = _Round(self._services, until=now + (deadline - now) * SHARE)
        rules = {rule.rule: rule for case in cases for rule in case.rules}
        for rule in rules.values():
            # A flood of one text is one question.
            first: dict[tuple[str, ...], int] = {}
            for number, case in enumerate(cases):
                if rule in case.rules:
                    round_.stands_for[number, rule.rule] = first.setdefault(contents(rule, case.event), number)
            of_rule = ((number, content) for content, number in first.items())
            round_.todo += (_Call(rule, parts) for parts in calls(rule, of_rule))
        while round_.todo:
            wave = self._wave(round_)
            for call, outcome in zip(wave, self._each(round_.ask, wave), strict=True):
                self._settle(round_, call, outcome)
            self._wait(round_)
        opinions = [round_.opinion(number, case) for number, case in enumerate(cases)]
        degraded = sum(opinion.degraded for opinion in opinions)
        return opinions, Tally(round_.calls, round_.failures, round_.opened, degraded, round_.over_budget)

    def _wave(self, round_: "_Round") -> list[_Call]:
        """The calls to make next, together; those that may not be made are given up."""
        wave: list[_Call] = []
        later: list[_Call] = []
        tried: set[Breaker] = set()
        while round_.todo and len(wave) < AT_ONCE:
            call = round_.todo.popleft()
            now = self._clock.now()
            breaker = self._breaker(call)
            state = breaker.state(now)
            if breaker in tried:
                later.append(call)
            elif state == "open" or now + CALL_SECONDS > round_.until:
                round_.give_up(call)
            elif not self._budgets[call.rule.rule].take(now, limit=call.rule.calls_per_hour):
                round_.over_budget += 1
                round_.give_up(call)
            else:
                if state == "half_open":
                    tried.add(breaker)
                wave.append(call)
        round_.todo.extendleft(reversed(later))
        return wave

    def _settle(self, round_: "_Round", call: _Call, outcome: _Outcome) -> None:
        breaker = self._breaker(call)
        call.attempts += 1
        round_.calls += 1
        if not isinstance(outcome, TransientError | DefectError):
            breaker.succeeded()
            if isinstance(outcome, UnanswerableError):
                round_.ask_apart(call)
            else:
                round_.keep(call, outcome)
            return
        round_.failures += 1
        round_.opened += breaker.failed(self._clock.now(), for_good=isinstance(outcome, DefectError))
        if isinstance(outcome, TransientError) and call.attempts < self._retry.attempts:
            round_.again.append(call)
        else:
            round_.give_up(call)

    def _wait(self, round_: "_Round") -> None:
        """Lets a moment pass before calls are made again, if there is time for them after it."""
        if not round_.again:
            return
        attempts = max(call.attempts for call in round_.again)
        seconds = min(self._retry.cap, self._retry.base * 2 ** (attempts - 1)) * self._clock.random()
        if self._clock.now() + seconds + CALL_SECONDS <= round_.until:
            self._clock.sleep(seconds)
        round_.todo.extendleft(reversed(round_.again))
        round_.again.clear()

    def _breaker(self, call: _Call) -> Breaker:
        return self._breakers[call.rule.service, call.rule.guardrail]


class _Round:
    """What is known of one batch's cases so far."""

    def __init__(self, services: ManagedServices, *, until: float) -> None:
        self.until = until
        self.todo: deque[_Call] = deque()
        self.again: list[_Call] = []
        self.calls = self.failures = self.opened = self.over_budget = 0
        self.stands_for: dict[tuple[int, str], int] = {}
        """By case and rule, the case that is asked about: itself, or an earlier one with the same content."""
        self._services = services
        self._answers: defaultdict[tuple[int, str], list[Mapping[str, float]]] = defaultdict(list)
        self._degraded: set[tuple[int, str]] = set()

    def ask(self, call: _Call) -> _Outcome:
        """What becomes of one call; errors are values here. Several run at the same time."""
        rule = call.rule
        parts = tuple(part.content for part in call.parts)
        try:
            answer = self._services.ask(
                Question(rule.service, parts, rule.guardrail or "", rule.guardrail_version or "", rule.at_least)
            )
        except (TransientError, UnanswerableError, DefectError) as error:
            return error
        except MemoryError:
            raise
        except Exception as error:
            # A second opinion is not worth a batch, whatever is wrong with it. Only the type: a text may quote content.
            return DefectError(type(error).__name__)
        if len(answer) != len(parts):
            return DefectError(f"{rule.service} answered {len(answer)} of {len(parts)} parts")
        return answer

    def keep(self, call: _Call, answer: Sequence[Mapping[str, float]]) -> None:
        """Takes note of an answer."""
        for part, scores in zip(call.parts, answer, strict=True):
            self._answers[part.case, call.rule.rule].append(scores)

    def ask_apart(self, call: _Call) -> None:
        """Makes a call of its own for each case, so that one that is refused does not answer for its neighbours."""
        cases = sorted({part.case for part in call.parts})
        if len(cases) == 1:
            self.give_up(call)
            return
        apart = [_Call(call.rule, [part for part in call.parts if part.case == case]) for case in cases]
        self.todo.extendleft(reversed(apart))

    def give_up(self, call: _Call) -> None:
        """Goes on without an answer to this call."""
        self._degraded.update((part.case, call.rule.rule) for part in call.parts)

    def opinion(self, number: int, case: OpenCase) -> Opinion:
        """What was said about one case."""
        found: list[Signal] = []
        degraded = False
        for rule in case.rules:
            asked = self.stands_for[number, rule.rule], rule.rule
            found += signals_of(rule, self._answers[asked])
            degraded |= asked in self._degraded
        return Opinion(tuple(found), degraded=degraded)
