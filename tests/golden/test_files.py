"""Which files a command writes, and the keys of its last line, on small inputs.

Those of training and of the search, which take longer, are pinned where they run anyway:
``tests/fairseq_plugin/test_training.py`` and ``tests/commands/test_search.py``.
"""

import json
from pathlib import Path

import pytest

from tests.conftest import MADE_DATA
from tests.golden.capture import hat
from tests.tiny_yaml import CHOICES, NETWORK

# Relative, so that the words of a command can be split at their spaces.
NB101 = "data/nasbench101"
NLP = "data/nasbench_nlp"
QUIET = "data/hat/latency/made_cpu_quiet_all.csv"
SUB = "data/hat/configs/wmt14.en-de/subtransformer"

MEASURING = """\
arch: transformersuper
vocab-size: 40
latiter: 2
lat-warmup: 0
lat-threads: 1
lat-src-len: 3
lat-patience: 0
"""
LOG = "S-0\tx\nT-0\ta b c d\nH-0\t-1\ta b c d\n"

CASES = {
    "latency-dataset": (
        "latency-dataset --configs space.yml --latcpu --lat-dataset-size 3"
        " --lat-dataset-path out/lat.csv",
        "lat.csv lat.csv.meta.jsonl",
        "lat_dataset_path rows marked_rows cut_off_rows cv_error_percent reference_ms"
        " reference_noise_percent seconds signature",
    ),
    "latency-predictor": (
        f"latency-predictor --lat-dataset-path {QUIET} --ckpt-path out/p.pt --predictor additive",
        "p.pt",
        "ckpt_path predictor rows left_out_rows cv_error_percent test fit_seconds"
        " feature_norm lat_norm unit signature",
    ),
    "latency check": (
        f"latency check {QUIET} --json --plot out/a.png --write-clean out/clean.csv",
        "a.png clean.csv",
        "shifted_runs",
    ),
    "latency predict": (
        f"latency predict {SUB}/MADE_wmt14ende_cpu@0s.yml"
        " --ckpt-path data/hat/predictors/made_cpu_quiet.pt"
        " --feature-norm 640 6 2048 6 640 6 2048 6 6 2 --lat-norm 200",
        "",
        "predictions signature",
    ),
    "prepare": (
        "prepare numbers --source-lang en --target-lang fr --text-dir out"
        " --train 60 --valid 5 --test 5 --merges 10",
        " ".join(
            f"{kind}/{split}.{side}"
            for kind in ("bpe", "raw", "tok")
            for split in ("train", "valid", "test")
            for side in ("en", "fr")
        )
        + " bpe/codes",
        "text_dir words bpe signature",
    ),
    "nasbench convert": (
        f"nasbench convert --quiet {NB101}/format_sample.tfrecord out/nb101.h5",
        "nb101.h5",
        "written records architectures epochs seconds signature",
    ),
    "nasbench-search": (
        f"nasbench-search nasbench101:{NB101}/sample_1k.jsonl.gz --algorithm random"
        " --algorithm aging --seeds 1 --budget 30000 --out-dir out",
        "best_so_far.png curves.csv report.md runs.csv",
        "report algorithms signature",
    ),
    "epsinas": (
        f"epsinas nasbench-nlp --data {NLP}/recepie_loss_pairs.json --steps 4 --sentences 3"
        " --limit 3 --out out/scores.csv --plot out/scores.png",
        "scores.csv scores.png",
        "rankings architectures ms_per_architecture signature",
    ),
    "score": (
        "score gen.out --metric normal",
        "",
        "metric bleu chrf exact_match sentences signature chrf_signature",
    ),
    "rank": (
        "rank data/llmas/seed_arch_bleu.wmt14ende.csv --scorer params --json",
        "",
        "rows target signature",
    ),
    "profile": (
        f"profile {SUB}/MADE_wmt14ende_cpu@0s.yml --sub-configs {SUB}/common.yml",
        "",
        "params params_without_embeddings flops flops_without_last_layer src_vocab_size"
        " tgt_vocab_size src_len tgt_len signature",
    ),
}
"""Command -> (words, files under ``out``, keys of the last line)."""


@pytest.mark.parametrize("name", CASES)
def test_files_and_result(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words, files, keys = CASES[name]
    monkeypatch.chdir(tmp_path)
    Path("space.yml").write_text(MEASURING + NETWORK + CHOICES)
    Path("gen.out").write_text(LOG)
    Path("out").mkdir()
    Path("data").symlink_to(MADE_DATA)
    hat(words.split())
    written = sorted(str(p.relative_to("out")) for p in Path("out").rglob("*") if p.is_file())
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert sorted(result) == sorted(keys.split())
    assert written == sorted(files.split())
    assert {p.name for p in Path().iterdir()} == {"data", "out", "space.yml", "gen.out"}
