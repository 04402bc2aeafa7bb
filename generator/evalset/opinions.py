"""What programs, or the files they came in, say of answers: opinions that people's judgements correct.

Apart from `voices`, because the app puts work in order by them and loads no numpy.
"""

from collections.abc import Mapping

from generator.store import Store

Digests = tuple[str, str]
"""Of what an item asks, and of what it expects."""


def opinions_of(store: Store, candidate: str, items: Mapping[str, Digests]) -> dict[str, float]:
    """What a file says that the candidate's answers to these items passed, unless programs have decided otherwise.

    What was said of an earlier version of an item is left out.
    """
    found = {
        answer.draft_id: answer.passed
        for answer in store.answer_facts(candidate)
        if answer.passed is not None and items.get(answer.draft_id) == (answer.asked, answer.expected)
    }
    verdicts = store.check_verdicts().items()
    return found | {item: float(said == "pass") for (item, who), said in verdicts if who == candidate and item in items}


def order_of_work(opinions: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """By what work is put in order, and so what strata are made of: the opinions of one candidate, or of each pair.

    Of a pair, 1 is where the first by name is better alone: whoever puts work in order and whoever estimates from what
    came of it must part it alike.

    Args:
        opinions: candidate -> item -> 0 to 1; of one candidate, or of two.
    """
    first, *others = (opinions[name] for name in sorted(opinions))
    for second in others:
        return {item: 0.5 + (value - second[item]) / 2 for item, value in first.items() if item in second}
    return dict(first)
