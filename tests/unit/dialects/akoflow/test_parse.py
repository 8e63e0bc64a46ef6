"""Documents in, problems and the model out."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from headrace.definition.model import Nothing, RunCommand
from headrace.definition.templates import Expr, Literal
from headrace.dialects.akoflow import dialect
from headrace.dialects.akoflow.parse import Parsed, parse
from headrace.dialects.akoflow.surroundings import Surroundings
from headrace.errors import Problem
from headrace.runtimes.protocol import Capabilities
from headrace.security.egress import Egress

PLAIN = Capabilities(survives_restart=True, commands=True)
CORPUS = Path(__file__).parents[3] / "corpus" / "akoflow"
LOCAL = Surroundings(check_url=Egress().check_url)


def read(text: str, **around: Any) -> Parsed:
    return parse(text.encode(), Surroundings(check_url=Egress().check_url, **around))


def workflow(*activities: str, spec: str = "runtime: local") -> str:
    lines = [f"    - {{{activity}}}" for activity in activities]
    return "\n".join(
        ["name: w", "spec:", *(f"  {line}" for line in spec.split("\n")), "  activities:", *lines]
    )


def codes(problems: tuple[Problem, ...]) -> list[str]:
    return [problem.code for problem in problems]


def test_the_golden_document_is_refused_where_its_runtime_is_not_configured() -> None:
    parsed = parse((CORPUS / "golden.yaml").read_bytes(), LOCAL)

    [problem] = [each for each in parsed.problems if each.code == "runtime_not_configured"]
    assert (problem.line, problem.column, problem.path) == (3, 3, "/spec/runtime")
    assert "configured are: local" in problem.message


def test_the_golden_document_means_one_activity() -> None:
    text = (
        (CORPUS / "golden.yaml")
        .read_text()
        .replace("/data-akoflow/sifs/:", "")
        .replace("/data-akoflow/akf-wine-singularity/:", "")
    )
    parsed = read(text, runtimes=dict.fromkeys(("local", "sdumont"), PLAIN))

    assert parsed.problems == ()
    assert parsed.draft is not None
    [activity] = parsed.draft.activities
    assert activity.name == "inference-examples"
    assert activity.run == (
        'echo "Running inference-examples"\nconda run -n tutorial mlflow run . --env-manager=local\n'
    )
    assert (activity.cpus, activity.cpu_limit, activity.effective) == (1.0, "1", "sdumont")
    assert activity.mount_path == "/scratch/.../.../p-inference-nemo/akf-wine-sdumont"
    assert [hook.url for hook in parsed.draft.webhooks] == ["https://myhost.com/mypath/mywebhook"]


def test_what_this_machine_has_is_told_in_units() -> None:
    text = workflow("name: a, run: x, cpuLimit: 3, memoryLimit: 100Ti")
    warnings = read(text, cpus=2.0, memory=3 * 2**29).warnings

    assert [each.message for each in warnings] == [
        "'cpuLimit' is more than the 2 processors that local has; the activity gets that, and runs alone.",
        "'memoryLimit' is more than the 1.5 GiB that local has; the activity gets that, and runs alone.",
    ]


def test_an_empty_volume_is_a_problem_and_nothing_else() -> None:
    found = read(workflow("name: a, run: x", spec="runtime: local\nvolumes: ['']"))

    assert (codes(found.problems), found.warnings) == (["bad_volume"], ())


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("- a", "not_a_mapping", 1),
        ("spec: {activities: [{name: a, run: x}]}", "name_missing", 1),
        ("name: ''\nspec: {activities: [{name: a, run: x}]}", "name_missing", 1),
        ("name: a", "spec_missing", 1),
        ("name: a\nspec: 3", "wrong_type", 2),
        ("name: a\nspec: {}", "activities_missing", 2),
        ("name: a\nspec:\n  activities: []", "activities_missing", 3),
        ("name: a\nspec:\n  activities: {a: 1}", "activities_missing", 3),
        ("name: a\nimage: x\nspec:\n  image: x\n  activities: [{name: a, run: x}]", "key_twice", 2),
        ("name: a\nname: b", "duplicate_key", 2),
        ("name: a\n---\nname: b", "yaml_many_documents", 2),
        ("name: !!python/object:os.system x", "yaml_tag", 1),
        (workflow("3"), "name_missing", 5),
        (workflow("run: x"), "name_missing", 5),
        (workflow("name: a, run: [x]"), "wrong_type", 5),
        (workflow('name: "a\\tb", run: x'), "control_character", 5),
        (workflow("name: a, run: x", "name: a, run: y"), "duplicate_activity", 6),
        (workflow("name: prepare, run: x", "name: b, run: x, dependsOn: prepar"), "unknown_dependency", 6),
        (workflow("name: a, run: x", "name: b, run: x, dependsOn: [a, a]"), "duplicate_dependency", 6),
        (workflow("name: a, run: x, dependsOn: a"), "dependency_cycle", 5),
        (workflow("name: a, run: x, command: {entrypoint: ls}"), "run_and_command", 5),
        (workflow("name: a, run: x, cpuLimit: 0"), "bad_quantity", 5),
        (workflow("name: a, run: x, memoryLimit: 500m"), "bad_quantity", 5),
        (workflow("name: a, run: x, policy: {timeout: soon}"), "bad_quantity", 5),
        (workflow("name: a, run: x, nodeSelector: disk"), "bad_node_selector", 5),
        (workflow("name: a, run: x, mountPath: data"), "bad_path", 5),
        (workflow("name: a, run: x, mountPath: /"), "bad_path", 5),
        (workflow("name: a, run: x, mountPath: /a/../b"), "bad_path", 5),
        (workflow("name: a, run: x", spec="storagePolicy: {type: shared}"), "unknown_storage_policy", 3),
        (workflow("name: a, run: x", spec="volumes: ['a:b']"), "bad_volume", 3),
        (workflow("name: a, run: x", spec="volumes: ['/a:/b:x']"), "bad_volume", 3),
        (workflow("name: a, run: x", spec="storageSize: 1 GB"), "bad_quantity", 3),
        (workflow("name: a, run: x", spec="runtime: k8s"), "runtime_not_configured", 3),
        (workflow("name: a, run: x, runtime: docker"), "runtime_not_configured", 5),
        (workflow("name: a, run: x", spec="webhooks: [{name: a}]"), "bad_webhook", 3),
        (workflow("name: a, run: x", spec="webhooks: [{url: 'ftp://a/'}]"), "bad_webhook", 3),
        (workflow("name: a, run: x", spec="webhooks: [{url: 'http://u:p@a/'}]"), "bad_webhook", 3),
        (
            workflow("name: a, run: x", spec="webhooks: [{url: 'http://a/', secret: s}]"),
            "bad_webhook_secret",
            3,
        ),
        (
            workflow("name: a, run: x", spec="webhooks: [{url: 'http://a/', secretRef: s}]"),
            "bad_webhook_secret",
            3,
        ),
    ],
)
def test_every_row_of_the_table_has_its_code_and_its_line(text: str, code: str, line: int) -> None:
    parsed = read(text, secrets=frozenset())

    assert (code, line) in [(problem.code, problem.line) for problem in parsed.problems]
    assert parsed.draft is None
    assert parsed.definition is None


def test_all_problems_are_told_at_once() -> None:
    parsed = read(workflow("name: a, run: x, cpuLimit: -1, dependsOn: b", "name: c, mountPath: x, run: z"))

    assert codes(parsed.problems) == ["bad_quantity", "unknown_dependency", "bad_path"]
    assert parsed.problem_count == 3


def test_one_shortest_way_is_told_for_each_knot() -> None:
    parsed = read(
        workflow(
            "name: a, run: x, dependsOn: [b, c]",
            "name: b, run: x, dependsOn: c",
            "name: c, run: x, dependsOn: a",
            "name: s, run: x, dependsOn: s",
        )
    )

    assert [each.message.partition(": ")[2] for each in parsed.problems] == ["a → c → a.", "s → s."]


def test_limits_are_kept() -> None:
    many = workflow(*(f"name: a{index}, run: x" for index in range(4)))
    long = workflow(f"name: a, run: {'é' * 60}")

    assert codes(read(many, max_activities=3).problems) == ["too_many_activities"]
    assert codes(read(long, max_run=100).problems) == ["run_too_large"]
    assert codes(read(long, max_run=120).problems) == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (workflow("name: a, run: x", "name: b, run: x, image: i"), ("/spec/activities/1/image", 6, 25)),
        (workflow("name: a, run: x", spec="runtime: local\nimage: i"), ("/spec/image", 4, 3)),
    ],
)
def test_an_image_is_ignored_where_it_stands(text: str, place: tuple[str, int, int]) -> None:
    [warning] = read(text).warnings

    assert (warning.path, warning.line, warning.column) == place


def test_odd_things_are_accepted_with_a_warning() -> None:
    text = (
        "name: 1\nid: 7\nstatus: 2\nimage: busybox\nactivities:\n"
        "  - {name: a, dependson: b, nodeSelector: a=b, status: 1}\n"
        "webhooks: [{url: 'http://127.0.0.1/'}]\nschedule: s\n"
    )
    parsed = read(text, schedules=frozenset())

    assert parsed.problems == ()
    assert sorted(set(codes(parsed.warnings))) == [
        "empty_run",
        "image_ignored",
        "moved_to_spec",
        "node_selector_ignored",
        "runtime_defaulted",
        "unknown_key",
        "unknown_schedule",
        "webhook_refused",
    ]
    [unknown] = [each for each in parsed.warnings if each.code == "unknown_key"]
    assert (unknown.suggestion, unknown.line, unknown.column) == ("dependsOn", 6, 15)


def test_scalars_keep_their_source_text_and_nothing_is_a_template() -> None:
    text = workflow("name: 1, cpuLimit: 0.50, run: '{{ a }} $X !y'")
    parsed = read(text)

    assert parsed.draft is not None
    [activity] = parsed.draft.activities
    assert (activity.name, activity.cpu_limit, activity.cpus) == ("1", "0.50", 0.5)
    assert activity.run == "{{ a }} $X !y"


def test_overrides_count_for_their_own_activity_only() -> None:
    parsed = read(
        workflow(
            "name: a, run: x, image: other, runtime: sdumont, mountPath: /else/",
            "name: b, run: x",
            spec="runtime: local\nimage: mine\nmountPath: /here/",
        ),
        runtimes=dict.fromkeys(("local", "sdumont"), PLAIN),
    )

    assert parsed.draft is not None
    first, second = parsed.draft.activities
    assert (first.image, first.effective, first.mount_path) == ("other", "sdumont", "/else")
    assert (second.image, second.effective, second.mount_path) == ("mine", "local", "/here")


@pytest.mark.parametrize(
    ("written", "runtimes", "resolved"),
    [
        ("LOCAL", ("local",), "local"),
        ("container", ("local", "podman"), "podman"),
        ("singularity", ("apptainer",), "apptainer"),
        ("kubernetes", ("k8s",), "k8s"),
        ("k8s-paris", ("k8s",), "k8s"),
        ("k8s-paris", ("k8s", "K8s-Paris"), "K8s-Paris"),
        ("hpc2", ("hpc",), "hpc"),
        ("docker", ("local",), None),
    ],
)
def test_runtime_names_are_resolved(written: str, runtimes: tuple[str, ...], resolved: str | None) -> None:
    assert Surroundings(runtimes=dict.fromkeys(runtimes, PLAIN)).resolve(written) == resolved


def test_an_unknown_runtime_may_be_tried_out_on_local() -> None:
    parsed = read(workflow("name: a, run: x", spec="runtime: sdumont"), unknown_runtime="local")

    assert "unknown_runtime_local" in codes(parsed.warnings)
    assert parsed.draft is not None
    [activity] = parsed.draft.activities
    assert (activity.runtime, activity.effective) == ("sdumont", "local")


def test_without_a_default_a_runtime_must_be_named() -> None:
    assert codes(read(workflow("name: a, run: x", spec="image: i"), default_runtime="").problems) == [
        "runtime_missing"
    ]


def test_the_model_of_a_document() -> None:
    parsed = read(
        workflow(
            "name: a b, run: 'true', policy: {maxAttempts: 3, timeout: 2m}",
            "name: c, dependsOn: a b",
            "name: d, dependsOn: [c,a b], outputs: [o], command: {entrypoint: [ls, -l], environment: {X: 1}}",
            spec="runtime: local\nmountPath: /data/w/",
        )
    )

    definition = parsed.definition
    assert definition is not None
    first, second, third = definition.tasks
    assert definition.unhandled == "every_failure"
    assert first.next[0].to == ("c", "d")
    assert first.next[0].when == "succeeded()"
    assert first.retry is not None
    assert first.retry.count == 2
    assert first.timeout == Literal(120.0)
    assert isinstance(first.action, RunCommand)
    assert (first.action.script, first.action.directory) == ("true", "/data/w")
    assert first.action.environment["ACTIVITY_ID"] == Expr("execution.number + 1")
    assert first.action.environment["ACTIVITY_MOUNT_PATH"] == Literal("/data/w")
    assert isinstance(second.action, Nothing)
    assert isinstance(third.action, RunCommand)
    assert third.action.argv == (Literal("ls"), Literal("-l"))
    assert third.action.outputs == ("o",)
    assert third.join == "all"


def test_the_dialect_is_recognised_by_its_activities() -> None:
    assert dialect.recognises({"name": "a", "spec": {"activities": []}})
    assert dialect.recognises({"name": "a", "activities": []})
    assert not dialect.recognises({"title": "a", "tasks": []})


def large(count: int) -> str:
    lines = ["name: big", "runtime: local", "activities:"]
    width = count // 8
    for index in range(count):
        lines += [f"- name: task_{index}", f"  run: |\n    echo {'x' * 250}\n    true"]
        if index >= width:
            first = (index // width - 1) * width
            names = [f"task_{first + (index * step) % width}" for step in (7, 11, 13)]
            lines.append(f"  dependsOn: [{', '.join(dict.fromkeys(names))}]")
    return "\n".join(lines)


def test_thousands_of_activities_are_read_in_a_moment() -> None:
    text = large(6448)
    began = time.perf_counter()
    parsed = read(text)
    definition = parsed.definition
    took = time.perf_counter() - began

    assert parsed.problems == ()
    assert (parsed.activities, parsed.depth) == (6448, 8)
    assert definition is not None
    assert len(definition.tasks) == 6448
    assert took < 10.0  # some 0.5 s here; only what is not linear takes longer


@pytest.mark.parametrize("shape", ["chain", "star", "ring"])
def test_chains_stars_and_rings_of_thousands_are_no_problem(shape: str) -> None:
    count = 6448
    names = [f"a{index}" for index in range(count)]
    match shape:
        case "chain":
            sources: list[list[str]] = [[], *([name] for name in names[:-1])]
        case "star":
            sources = [[] for _ in names[:-1]] + [names[:-1]]
        case _:
            sources = [[name] for name in names[1:] + names[:1]]
    lines = [
        f"- {{name: {name}, run: x, dependsOn: [{', '.join(of)}]}}"
        for name, of in zip(names, sources, strict=True)
    ]
    parsed = read("name: a\nruntime: local\nactivities:\n" + "\n".join(lines))

    assert codes(parsed.problems) == (["dependency_cycle"] if shape == "ring" else [])


PODMAN = Capabilities(survives_restart=True, commands=True, images=True)
FAR = Capabilities(survives_restart=True, commands=True, volumes=False)


def test_a_runtime_with_images_needs_one() -> None:
    text = workflow(
        "name: a, run: x",
        "name: b, run: x, image: i",
        "name: c, run: x, runtime: local",
        spec="runtime: podman",
    )
    parsed = read(text, runtimes={"local": PLAIN, "podman": PODMAN})

    assert [(each.code, each.path) for each in parsed.problems] == [
        ("image_required", "/spec/activities/0/image")
    ]
    assert not read(
        workflow("name: a", spec="runtime: podman\nimage: i"), runtimes={"podman": PODMAN}
    ).problems


def test_volumes_are_judged_by_what_the_runtimes_can() -> None:
    spec = "runtime: {}\nimage: i\nvolumes: ['/open/in:/in', '/etc:/conf']"
    around: dict[str, Any] = {
        "runtimes": {"local": PLAIN, "podman": PODMAN, "far": FAR},
        "why_not_bound": lambda path: None if path.startswith("/open/") else f"{path} is closed",
    }
    bound = read(workflow("name: a, run: x", spec=spec.format("podman")), **around)
    far = read(workflow("name: a, run: x", spec=spec.format("far")), **around)

    assert [(each.code, each.message) for each in bound.problems] == [("host_path_refused", "/etc is closed")]
    assert codes(far.problems) == ["volume_unsupported"]
    assert not read(workflow("name: a, run: x", spec=spec.format("local")), **around).problems


def test_a_demand_above_the_machine_is_a_warning_of_the_activity() -> None:
    text = workflow("name: a, run: x, cpuLimit: 64, memoryLimit: 1Ti", "name: b, run: x, cpuLimit: 2")
    parsed = read(text, cpus=2, memory=1024)

    assert [each.path for each in parsed.warnings if each.code == "exceeds_capacity"] == [
        "/spec/activities/0/cpuLimit",
        "/spec/activities/0/memoryLimit",
    ]
    assert parsed.draft is not None
    assert [each.warnings for each in parsed.draft.activities] == [("exceeds_capacity",), ()]
