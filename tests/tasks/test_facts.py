import pytest

from hat.arch.model_options import ARCHITECTURES
from hat.tasks.facts import default_src_len, task_facts

IWSLT, WMT, EN_FR = (8848, 6632), (32768, 32768), (44512, 44512)


@pytest.mark.parametrize(
    ("name", "vocabulary", "src_len"),
    [
        ("transformersuper_iwslt_de_en", IWSLT, 23),
        ("transformersuper_wmt_en_de", WMT, 30),
        ("transformersuper_wmt_en_fr", EN_FR, 30),
        ("transformersuper_vaswani_wmt_en_de_big", WMT, 30),
        ("transformersuper_vaswani_wmt_en_fr_big", EN_FR, 30),
        ("transformersuper_wmt_en_de_big_t2t", WMT, 30),
        ("iwslt14.de-en", IWSLT, 23),
        ("wmt14enfr", EN_FR, 30),
        ("WMT'14 En-Fr", EN_FR, 30),
        ("HAT_wmt19ende_titanxp", WMT, 30),
        ("transformersuper", None, 30),
        ("multi30k.en-de", None, 30),
    ],
)
def test_a_name_tells_the_task(name: str, vocabulary: tuple[int, int] | None, src_len: int) -> None:
    facts = task_facts(name)
    assert (facts and facts.vocabulary) == vocabulary
    assert default_src_len(name) == src_len


def test_only_one_architecture_is_of_no_task() -> None:
    assert [name for name in ARCHITECTURES if task_facts(name) is None] == ["transformersuper"]
