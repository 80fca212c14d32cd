"""Laws: every row once an epoch, any step without the ones before, nothing but rows, seed and epoch decides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrie.training.order import Order

orders = st.builds(
    Order,
    rows=st.integers(1, 60),
    batch_size=st.integers(1, 20),
    seed=st.integers(0, 1000),
    epochs=st.sampled_from([0.5, 1.0, 2.0, 2.5]),
)


@given(orders)
def test_every_whole_epoch_shows_every_row_once(order: Order) -> None:
    per_epoch = order.steps_per_epoch
    for epoch in range(order.total_steps // per_epoch):
        seen = [row for step in range(1, per_epoch + 1) for row in order.group(epoch * per_epoch + step)]
        assert sorted(seen) == list(range(order.rows))


@given(orders, st.data())
def test_any_step_is_known_without_the_ones_before(order: Order, data: st.DataObject) -> None:
    step = data.draw(st.integers(1, order.total_steps))
    assert list(order.groups(first_step=step)) == list(order.groups())[step - 1 :]


@given(orders)
def test_groups_are_full_but_for_the_last_of_an_epoch(order: Order) -> None:
    sizes = [len(group) for group in order.groups()]
    assert all(
        size == order.batch_size or (step % order.steps_per_epoch == 0 and 0 < size <= order.batch_size)
        for step, size in enumerate(sizes, start=1)
    )


def test_epochs_and_seeds_have_orders_of_their_own() -> None:
    one = Order(rows=50, batch_size=50, epochs=2, seed=1)
    assert one.group(1) != one.group(2)
    assert one.group(1) != Order(rows=50, batch_size=50, epochs=2, seed=2).group(1)
    assert one.group(1) == Order(rows=50, batch_size=50, epochs=5, seed=1).group(1)


def test_batch_size_cuts_the_same_sequence_of_rows() -> None:
    small, large = (Order(rows=12, batch_size=size, seed=3) for size in (2, 4))
    assert [row for group in small.groups() for row in group] == [row for group in large.groups() for row in group]


@pytest.mark.parametrize(("epochs", "steps"), [(0.1, 3), (1.0, 30), (3.0, 90), (0.01, 1), (0.05, 2)])
def test_fractions_of_an_epoch_round_up_to_whole_steps(epochs: float, steps: int) -> None:
    assert Order(rows=30, batch_size=1, epochs=epochs).total_steps == steps


@pytest.mark.parametrize("step", [0, 4])
def test_a_step_outside_the_run_is_refused(step: int) -> None:
    with pytest.raises(ValueError, match=r"outside 1\.\.3"):
        Order(rows=3, batch_size=1).group(step)


@pytest.mark.parametrize("change", [{"rows": 0}, {"batch_size": 0}, {"epochs": 0.0}, {"seed": -1}])
def test_nonsense_is_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="positive"):
        Order(**{"rows": 1, "batch_size": 1, **change})  # type: ignore[arg-type]
