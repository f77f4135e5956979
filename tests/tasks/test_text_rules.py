"""New text is treated as the training data of its task was."""

import dataclasses

import pytest

from hat.errors import ConfigError
from hat.tasks import numbers
from hat.tasks.text_rules import TEXT_RULES, TextRules, task_of, text_rules
from hat.text.moses import normalise_and_tokenise

LINE = "“It’s” a well-known & OK\u200dtest, 1,000 Times…"

TOKENS = {
    "numbers": "“It’s” a well-known & OK\u200dtest , 1 , 000 Times…",
    "conlang": LINE,
    "multi30k": '" It \'s " a well-known & OK \u200d test , 1,000 Times ...',
    "iwslt14": "“ it ’ s ” a well-known &amp; ok \u200d test , 1,000 times …",
    "wmt14.en-de": "“ It ’ s ” a well-known &amp; OK \u200d test , 1,000 Times …",
    "wmt14.en-fr": "&quot; It &apos;s &quot; a well @-@ known &amp; OK test , 1,000 Times ...",
    "wmt19.en-de": "&quot; It &apos;s &quot; a well @-@ known &amp; OK test , 1,000 Times ...",
}


@pytest.mark.parametrize("task", TEXT_RULES)
def test_tokens_of_each_task(task: str) -> None:
    assert TEXT_RULES[task].tokenise("en")(LINE) == TOKENS[task]


def test_they_are_what_prepare_does() -> None:
    assert TEXT_RULES["multi30k"].tokenise("en")(LINE) == normalise_and_tokenise([LINE], "en")[0]
    assert TEXT_RULES["numbers"].tokenise("en")(LINE) == numbers.tokenise([LINE], "en")[0]


@pytest.mark.parametrize(
    "rules, tokens, text",
    [
        (TEXT_RULES["wmt14.en-fr"], "&quot; a @-@ b , c &apos;s &quot;", '"a-b, c\'s"'),
        (TEXT_RULES["numbers"], "one thousand , two", "one thousand, two"),
        (TextRules(tokeniser="none"), "a , b &apos; @-@", "a , b &apos; @-@"),
    ],
)
def test_tokens_become_text(rules: TextRules, tokens: str, text: str) -> None:
    assert rules.detokenise("en")(tokens) == text


@pytest.mark.parametrize(
    "name, task",
    [
        ("data/binary/numbers_en_fr", "numbers"),
        ("data/binary/conlang_qaa_qab", "conlang"),
        ("multi30k_en_de", "multi30k"),
        ("/x/iwslt14.tokenized.de-en", "iwslt14"),
        ("wmt16_en_de", "wmt14.en-de"),
        ("WMT14.en-de", "wmt14.en-de"),
        ("wmt14_en_fr", "wmt14.en-fr"),
        ("wmt19_en_de", "wmt19.en-de"),
        ("wmt14_de_en", None),
        ("mine", None),
    ],
)
def test_the_task_in_a_name(name: str, task: str | None) -> None:
    assert task_of(name) == task


def test_which_rules_hold() -> None:
    assert text_rules(TextRules(), None, "mine", None, "wmt19_en_de") == TEXT_RULES["wmt19.en-de"]
    assert text_rules(TextRules(), "multi30k", "wmt19_en_de") == TEXT_RULES["multi30k"]
    own = TextRules(tokeniser="none", lowercase=True)
    assert text_rules(own, None, "wmt19_en_de") == own
    with pytest.raises(ConfigError, match="give --task, if it is one of numbers, conlang, "):
        text_rules(TextRules(), None, "mine")


def test_in_words() -> None:
    assert str(TEXT_RULES["iwslt14"]) == "Moses' tokeniser (sacremoses), escape, lowercase"
    switches = {f.name for f in dataclasses.fields(TextRules)} - {"tokeniser"}
    everything = TextRules(tokeniser="moses", **dict.fromkeys(switches, True))
    assert str(everything).count(",") == len(switches)
