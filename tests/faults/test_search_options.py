"""``hat search``: numbers that nobody can mean, settings that contradict, files of another kind."""

from pathlib import Path

from tests.faults.fault import Fault, as_tests, refused, run_here

BASE = (
    "search --configs=space.yml --evo-configs=search.yml --restore-file net.pt "
    "--ckpt-path predictor.pt --write-config-path best.yml --cpu"
)
QUICK = "--measure-finalists 0 --rank-sample 0 --contest-seeds"


def options(flags: str, *says: str, name: str | None = None, **more: object) -> Fault:
    """The search with more flags."""
    flag = flags.split()[0].removeprefix("--").replace("=", "-is-")
    return Fault(name or flag, f"{BASE} {flags}", says, **more)  # type: ignore[arg-type]


def values(old: str, new: str) -> str:
    """The search with another word in place of one of its own."""
    assert old in BASE
    return BASE.replace(old, new)


FAULTS = [
    options("--search-dir=bin", "bin: is no folder of a search: it holds dict.xx.txt"),
    *(
        Fault(
            f"winner-over-{name}",
            BASE.replace("best.yml", name),
            (f"write-config-path would write over {name}, which is read ({option})",),
        )
        for name, option in (
            ("net.pt", "restore-file"),
            ("predictor.pt", "ckpt-path"),
            ("space.yml", "configs"),
            ("search.yml", "configs"),
        )
    ),
    options("--evo-iter=0", "evo-iter must be at least 1, but found 0"),
    options("--evo-iter=1000000000000", "evo-iter must be at most"),
    options("--mutation-prob=0", "mutation-prob must be above 0, but found 0"),
    options("--population-size=9", "population-size must be parent-size", "= 8, but found 9"),
    options("--parent-size=9", "population-size must be parent-size", "= 15, but found 8"),
    options("--measure-repeats=0", "measure-repeats must be at least 1, but found 0"),
    options("--measure-margin=2", "measure-margin must be below 1, but found 2"),
    options("--measure-patience=nan", "measure-patience must be", "number, but found nan"),
    options("--latency-confidence=1", "latency-confidence must be below 1, but found 1"),
    *(
        options(f"--{flag}", f"--{flag.partition('=')[0]} has no effect without --{needed}")
        for flag, needed in (
            ("rescore-by=bleu", "rescore-top"),
            ("screen-by=params", "warm-up or --moves"),
            ("bytes-precision=bf16", "bytes-constraint"),
            ("memory-confidence=0.5", "memory-constraint"),
            ("retrain-init=supernet", "retrain-top"),
            ("retrain-seeds=2", "retrain-top"),
            ("halve-seed=4", "halve-top"),
        )
    ),
    options("--scorer=tuned-loss --tune-lr=1e9", "tune-lr must be at most 1", name="tune-lr"),
    options("--search-algorithm=evolutoin", "'evolutoin'", "did you mean 'evolution'"),
    options("--scorer=blue", "--scorer cannot be 'blue'", "did you mean 'bleu'"),
    options("--rank-scorers=bleu2", "'bleu2'"),
    options("--latency-constraint=1e-10s", "--latency-constraint: '1e-10s' is less than anything"),
    options("--latency-constraint=-5", "--latency-constraint must be positive", "'-5'"),
    options("--latency-constraint=20furlongs", "unknown unit 'furlongs'", "ms, s and %"),
    options("--latency-constraint=nan", "--latency-constraint is", "not 'nan'"),
    options("--flops-constraint=much", "--flops-constraint is a number of FLOPs", "'much'"),
    options(
        "--memory-constraint=-1 --memory-ckpt-path=predictor.pt",
        *("--memory-constraint must be positive", "'-1'"),
        name="memory-below-nothing",
    ),
    options("--memory-constraint=5MiB", "--memory-ckpt-path is missing", name="memory-by-nothing"),
    options(
        "--latency-constraint 5 6", "names 1 predictor", "2 limits", name="two-limits-one-predictor"
    ),
    options("--latency-constraint=0.001%", "no candidate met", "the fastest seen", name="too-fast"),
    options("--params-constraint=1", "no candidate met", "params <= 1", name="too-small"),
    options("--bleu-beam=3", "--bleu-beam is not for --scorer inherited-loss, but for bleu"),
    options("--ssh-config=sys.txt", "--ssh-config is not for --device local, but for ssh"),
    options("--device=tcp://x", "unknown device 'tcp'", "local, ssh"),
    options("--device=ssh://x", "ssh://x", "names no folder"),
    Fault(
        "no-limit",
        f"{BASE.replace('--evo-configs=search.yml ', '').replace('--ckpt-path predictor.pt ', '')}",
        ("a search needs a limit", "--latency-constraint"),
    ),
    Fault("no-name", values("best.yml", "--write-config-path="), ("--write-config-path",)),
    Fault("an-empty-name", f"{BASE} --write-config-path=", ("write-config-path needs a value",)),
    Fault("no-predictor", values("predictor.pt", "nowhere.pt"), ("nowhere.pt", "No such file")),
    Fault("dataset-for-predictor", values("predictor.pt", "latency.csv"), ("latency.csv",)),
    Fault("checkpoint-for-predictor", values("predictor.pt", "net.pt"), ("net.pt", "predictor")),
    Fault(
        "folder-for-predictor",
        values("predictor.pt", "bin"),
        ("bin: is a folder: expected a file",),
    ),
    Fault("predictor-for-checkpoint", values("net.pt", "predictor.pt"), ("predictor.pt", "model")),
    Fault("other-words", values("net.pt", "numbers.pt"), ("numbers.pt",)),
    Fault("pipeline-for-space", values("space.yml", "pipeline.yml"), ("pipeline.yml:1", "task")),
    Fault("text-for-space", values("space.yml", "sys.txt"), ("sys.txt", "key: value")),
    Fault(
        "misspelt-key",
        BASE,
        ("search.yml:7", "evo-itre", "did you mean 'evo-iter'?"),
        lambda world: append(world / "search.yml", "evo-itre: 3\n"),
    ),
    Fault(
        "list-in-a-file",
        BASE,
        ("search.yml:7: mutation-prob", "a list"),
        lambda world: append(world / "search.yml", "mutation-prob: [1]\n"),
    ),
    Fault(
        "other-space",
        BASE,
        ("predictor.pt", "decoder_ffn_embed_dim in [24, 48]", "[16, 48]"),
        lambda world: replace(
            world / "space.yml",
            "decoder-ffn-embed-dim-choice: [48, 24]",
            "decoder-ffn-embed-dim-choice: [48, 16]",
        ),
    ),
]


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@as_tests(FAULTS)
def test_is_refused_in_one_sentence(fault: Fault, good: Path, tmp_path: Path) -> None:
    refused(fault, good, tmp_path)


def test_without_its_faults_it_searches(good_copy: Path) -> None:
    for more in ("", "--moves 2 --scorer epsinas --latency-constraint 300% --set-aside"):
        ended = run_here(f"{BASE} {QUICK} {more}".split(), good_copy)
        assert ended.code == 0, ended.err
        assert (good_copy / "best.yml").is_file()
    assert ", which the largest SubTransformer keeps, too" in ended.out
