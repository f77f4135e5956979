"""The tables that ``ground_truth.py`` can fill."""

from dataclasses import replace
from pathlib import Path

from truth_training import Recipe

_CONLANG = Path("configs/conlang.qaa-qab")
_MULTI30K = Path("configs/multi30k.en-de")

_CONLANG_TABLE = Recipe(
    name="conlang",
    data=Path("data/binary/conlang_qaa_qab"),
    prepare="bash configs/conlang.qaa-qab/preprocess.sh",
    space=_CONLANG / "supertransformer/space0.yml",
    training=_CONLANG / "subtransformer/common.yml",
    num_archs=48,
    num_seeds=3,
    updates=3200,
    src_len=22,
    decode_steps=18,
    num_words=1496,
)

_MULTI30K_TABLE = Recipe(
    name="multi30k",
    data=Path("data/binary/multi30k_en_de"),
    prepare="bash configs/multi30k.en-de/preprocess.sh",
    space=_MULTI30K / "supertransformer/space_truth.yml",
    training=_MULTI30K / "subtransformer/common_truth.yml",
    num_archs=40,
    num_seeds=2,
    updates=1200,
    src_len=15,
    decode_steps=15,
    num_words=7872,
    lenpen=0.6,
)

_LARGE_TABLE = replace(
    _MULTI30K_TABLE,
    name="multi30k_large",
    space=_MULTI30K / "supertransformer/space_truth_large.yml",
    training=_MULTI30K / "subtransformer/common_truth_large.yml",
    num_archs=21,
)

RECIPES = {recipe.name: recipe for recipe in (_CONLANG_TABLE, _MULTI30K_TABLE, _LARGE_TABLE)}
