"""The shape of a definition: sources, ways back, cycles, order; of any size."""

from __future__ import annotations

import pytest
from tests.unit.engine.graphs import NOTHING, flow, group, task

from headrace.definition.model import RunGroup
from headrace.engine.graph import Graph
from headrace.testing.simulator import rehearse


def graph(**edges: str) -> Graph:
    """`a="bc"` is a task `a` that leads to `b` and `c`."""
    return Graph([task(name, *targets) for name, targets in edges.items()])


def ways_back(shape: Graph) -> set[tuple[str, str]]:
    return {(name, target) for name, node in shape.nodes.items() for target in node.backs}


def test_sources_are_the_distinct_tasks_that_lead_to_a_task() -> None:
    shape = Graph([task("a", "c", "c"), task("b", "c"), task("c")])

    assert shape.nodes["c"].sources == ("a", "b")
    assert shape.nodes["a"].targets == ("c",)
    assert shape.entries == ("a", "b")


def test_a_way_back_leads_to_a_task_on_the_path_just_walked() -> None:
    shape = graph(a="b", b="c", c="ad", d="")

    assert ways_back(shape) == {("c", "a")}
    assert shape.nodes["a"].sources == ()
    assert shape.nodes["c"].targets == ("d",)


def test_a_task_that_leads_to_itself_is_a_cycle_and_may_be_an_entry() -> None:
    shape = graph(a="ab", b="")

    assert ways_back(shape) == {("a", "a")}
    assert shape.entries == ("a",)
    assert (shape.nodes["a"].in_cycle, shape.nodes["b"].in_cycle) == (True, False)


def test_the_written_order_decides_which_transition_is_the_way_back() -> None:
    assert ways_back(graph(s="ab", a="b", b="a")) == {("b", "a")}
    assert ways_back(graph(s="ba", a="b", b="a")) == {("a", "b")}


def test_tasks_at_and_behind_a_cycle_are_near_it_and_stand_in_topological_order() -> None:
    shape = graph(z="", y="z", a="bx", b="ac", c="y", x="")

    assert shape.cyclic[0] == "a"
    assert set(shape.cyclic) == {"a", "b", "c", "x", "y", "z"}
    assert [name for name in shape.cyclic if name in "abcyz"] == ["a", "b", "c", "y", "z"]
    assert {name for name, node in shape.nodes.items() if node.in_cycle} == {"a", "b"}


def test_a_graph_without_ways_back_has_nothing_near_a_cycle() -> None:
    shape = graph(a="bc", b="d", c="d", d="")

    assert shape.cyclic == ()
    assert ways_back(shape) == set()


def test_a_graph_without_an_entry_is_entered_at_its_first_task() -> None:
    assert graph(a="b", b="a").entries == ("a",)
    assert Graph([]).entries == ()


def test_two_cycles_that_share_a_task_are_one() -> None:
    shape = graph(a="b", b="ac", c="bd", d="")

    assert {name for name, node in shape.nodes.items() if node.in_cycle} == {"a", "b", "c"}
    assert ways_back(shape) == {("b", "a"), ("c", "b")}


def test_a_chain_of_any_length_needs_no_recursion() -> None:
    length = 3_000
    names = [f"t{number}" for number in range(length)]
    tasks = [task(name, *names[index + 1 : index + 2], action=NOTHING) for index, name in enumerate(names)]

    rehearsal = rehearse(flow(*tasks))

    assert rehearsal.execution.state == "succeeded"
    assert Graph([*tasks, task("end", "t0")]).nodes["t2999"].order > Graph(tasks).nodes["t0"].order


def test_a_cycle_of_any_length_needs_no_recursion() -> None:
    length = 3_000
    names = [f"t{number}" for number in range(length)]
    tasks = [task(name, names[(index + 1) % length]) for index, name in enumerate(names)]

    shape = Graph(tasks)

    assert ways_back(shape) == {("t2999", "t0")}
    assert len(shape.cyclic) == length


def test_graphs_of_equal_tasks_are_equal() -> None:
    assert graph(a="b", b="") == graph(a="b", b="")
    assert graph(a="b", b="") != graph(a="", b="")
    assert graph(a="") != "a"


@pytest.mark.parametrize("action", [group(task("x", "y"), task("y")), group()])
def test_the_graph_inside_a_group_is_worked_out_once(action: RunGroup) -> None:
    node = Graph([task("a", action=action)]).nodes["a"]

    assert node.inner(action) is node.inner(action)
    assert tuple(node.inner(action).nodes) == tuple(one.name for one in action.tasks)
