"""Options that fairseq evaluates as code, found in fairseq's source: they take numbers only."""

import argparse
import ast
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

pytest.importorskip("fairseq")

import fairseq
from fairseq import options

from hat.cli.options import NumbersOnly, actions_by_key
from hat.errors import ConfigError
from hat.fairseq_options.accepted import ACCEPTED, EVALUATED, REFUSED, restricted
from hat.fairseq_plugin.arguments import generation_parser, parse, training_parser

PACKAGE = Path(fairseq.__file__).parent

EVALUATORS = frozenset(
    ("eval", "exec", "literal_eval", "eval_str_list", "eval_str_dict", "eval_bool")
)
"""Functions that make values of text, fairseq's own among them."""

STARTERS = frozenset(("__import__", "import_module", "system", "popen", "Popen", "getoutput"))
STARTERS |= {"check_output", "check_call", "spawn", "execfile"}
"""Functions that start a program or load code."""

ONLY_OF_A_MODULE = {"call": "subprocess", "run": "subprocess", "loads": "pickle", "load": "pickle"}
"""Names that are dangerous behind these modules."""

KNOWN: dict[str, set[str]] = {
    "criterions/__init__.py": {"import_module('fairseq.criterions.' + file_n)"},
    "data/audio/__init__.py": {"import_module(f'fairseq.data.audio.{transfor)"},
    "data/audio/raw_audio_dataset.py": {"eval(feature_encoder_spec)"},
    "data/codedataset.py": {"eval(line.strip())"},
    "data/encoders/__init__.py": {"import_module('fairseq.data.encoders.' + mod)"},
    "data/fasta_dataset.py": {
        'check_output(f"""cat {path} | tqdm --bytes )',
        'check_output(f"cat {path} | tqdm --bytes --)',
    },
    "data/multilingual/multilingual_data_manager.py": {"eval_str_dict(uf)"},
    "data/plasma_utils.py": {
        "Popen(['plasma_store', '-m', str(int)",
        "Popen(['plasma_store', '-m', str(nby)",
    },
    "dataclass/utils.py": {
        "eval_str_list(x, float)",
        "eval_str_list(x, int)",
        "eval_str_list(x, str)",
        "literal_eval(val)",
        "literal_eval(x)",
    },
    "distributed/utils.py": {
        "check_output(['scontrol', 'show', 'hostname)",
        "loads(bytes(out_buffer[header_size:h)",
    },
    "model_parallel/criterions/__init__.py": {"import_module('fairseq.model_parallel.criter)"},
    "model_parallel/models/__init__.py": {"import_module('fairseq.model_parallel.models)"},
    "models/__init__.py": {"import_module(namespace + '.' + model_name)"},
    "models/ema/__init__.py": {"import_module('fairseq.models.ema.' + file_n)"},
    "models/huggingface/__init__.py": {"import_module('fairseq.models.huggingface.' )"},
    "models/lightconv.py": {"eval_str_list(x, int)"},
    "models/lightconv_lm.py": {"eval_str_list(x, int)"},
    "modules/gumbel_vector_quantizer.py": {"literal_eval(temp)"},
    "modules/multihead_attention.py": {"eval_str_dict(xformers_att_config)"},
    "optim/__init__.py": {"import_module('fairseq.optim.' + file_name)"},
    "optim/fused_adam.py": {"import_module('fused_adam_cuda')"},
    "optim/lr_scheduler/__init__.py": {"import_module('fairseq.optim.lr_scheduler.' )"},
    "scoring/__init__.py": {"import_module('fairseq.scoring.' + module)"},
    "utils.py": {"eval(x)", "import_module(module_name)"},
}
"""Dangerous calls whose arguments are no options: where the text comes from was read. Packages of
fairseq's import their own modules; ``codedataset``, ``raw_audio``, ``multilingual`` and the models
and formats of that kind are not accepted; a FASTA file is refused by ``safe_loading``; of
``dataclass/utils`` and ``utils`` come the types of options, which are ``NumbersOnly``."""


@dataclass(frozen=True)
class Site:
    """One call in fairseq's source that runs something."""

    file: str
    function: str
    argument: str
    options: frozenset[str]
    """Names of the attributes of ``args`` or ``cfg`` that the arguments hold."""


def _called(call: ast.Call) -> tuple[str | None, str]:
    function = call.func
    if isinstance(function, ast.Attribute):
        home = function.value
        return (home.id if isinstance(home, ast.Name) else ast.unparse(home)), function.attr
    return None, function.id if isinstance(function, ast.Name) else ""


def _is_dangerous(call: ast.Call) -> bool:
    home, name = _called(call)
    if name == "eval":
        return home in (None, "builtins")  # model.eval() evaluates nothing
    return name in EVALUATORS | STARTERS or (
        name in ONLY_OF_A_MODULE and home == ONLY_OF_A_MODULE[name]
    )


def _option_names(tree: ast.AST) -> frozenset[str]:
    """Attributes of anything called args or cfg, by attribute or by ``getattr``."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = ast.unparse(node.value).split(".")
            if any("args" in part or "cfg" in part or "config" in part for part in owner):
                found.add(node.attr)
        if isinstance(node, ast.Call) and _called(node)[1] == "getattr" and len(node.args) > 1:
            name = node.args[1]
            found |= {str(name.value)} if isinstance(name, ast.Constant) else set()
    return frozenset(found)


def _argument(call: ast.Call) -> tuple[str, ...]:
    """The option of ``parser.add_argument("--x", type=eval_bool)``, if its type evaluates."""
    if _called(call)[1] != "add_argument":
        return ()
    names = {n.attr if isinstance(n, ast.Attribute) else getattr(n, "id", "") for n in _walk(call)}
    words = [str(word.value) for word in call.args if isinstance(word, ast.Constant)]
    return tuple(word.lstrip("-").replace("-", "_") for word in words) if names & EVALUATORS else ()


def _walk(call: ast.Call) -> Iterator[ast.AST]:
    for keyword in call.keywords:
        yield from ast.walk(keyword.value)


def sites(text: str, file: str) -> Iterator[Site]:
    """All dangerous calls of one file; a name that holds an option counts as the option."""
    tree = ast.parse(text)
    held: dict[str, frozenset[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            held[name] = held.get(name, frozenset()) | _option_names(node.value)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if _argument(node):
            yield Site(file, "add_argument", ast.unparse(node.args[0]), frozenset(_argument(node)))
        if not _is_dangerous(node):
            continue
        words = [*node.args, *(keyword.value for keyword in node.keywords)]
        inner = [n for word in words for n in ast.walk(word)]
        found = [_option_names(word) for word in words]
        found += [held.get(n.id, frozenset()) for n in inner if isinstance(n, ast.Name)]
        argument = ", ".join(map(ast.unparse, node.args))
        yield Site(file, _called(node)[1], argument, frozenset().union(*found))


@pytest.fixture(scope="module")
def every_site() -> list[Site]:
    cli = importlib.util.find_spec("fairseq_cli")
    assert cli is not None and cli.submodule_search_locations
    found: list[Site] = []
    for folder in (PACKAGE, *map(Path, cli.submodule_search_locations)):
        for path in sorted(folder.rglob("*.py")):
            name = str(path.relative_to(folder.parent))
            if "examples" not in path.parts:
                found += sites(path.read_text(encoding="utf-8"), name)
    return found


def _reachable() -> dict[str, list[argparse.Action]]:
    """All options of our parsers by key, with every part that can be chosen."""
    found: dict[str, list[argparse.Action]] = {}
    for make in (training_parser, generation_parser):
        for selector, choices in ACCEPTED.items():
            for choice in choices:
                parser = make()
                if selector not in actions_by_key(parser):
                    continue
                arch = ["--arch=transformersuper"] if "arch" in actions_by_key(parser) else []
                flags = [*arch, f"--{selector}={choice}"]
                options.parse_args_and_arch(parser, flags, True, modify_parser=_no_need)
                for key, action in actions_by_key(parser).items():
                    found.setdefault(key, []).append(action)
    return found


def _no_need(parser: argparse.ArgumentParser) -> None:
    for action in restricted(parser)._actions:
        action.required = False


@pytest.fixture(scope="module")
def reachable() -> dict[str, list[argparse.Action]]:
    return _reachable()


def test_every_evaluated_option_takes_numbers_only(
    every_site: list[Site], reachable: dict[str, list[argparse.Action]]
) -> None:
    evaluated = {name.replace("_", "-") for site in every_site for name in site.options}
    assert {"adam-betas", "encoder-layers", "wer-args", "weight-softmax"} <= evaluated
    here = {key for key in evaluated if key in reachable and key not in REFUSED}
    assert {"adam-betas", "adafactor-eps", "encoder-layers"} <= here
    for key in here - {"task"}:  # a name in a table, of which one is accepted
        for action in reachable[key]:
            is_number = action.type in (int, float) or isinstance(action.type, NumbersOnly)
            assert is_number or action.nargs == 0, f"{key} is evaluated, and takes any text"


def test_every_list_is_numbers_only(reachable: dict[str, list[argparse.Action]]) -> None:
    for key, actions in reachable.items():
        for action in actions:
            known = action.type in (None, str, int, float) or isinstance(action.type, NumbersOnly)
            assert known, f"{key}: who reads its text?"


def test_what_is_evaluated_besides_options_was_read(every_site: list[Site]) -> None:
    found: dict[str, set[str]] = {}
    for site in every_site:
        if not site.options:
            call = f"{site.function}({site.argument[:30]})"
            found.setdefault(site.file.removeprefix("fairseq/"), set()).add(call)
    assert found == KNOWN


def test_the_search_finds_what_it_should() -> None:
    text = """
def build(args, cfg, parser):
    a = eval(args.one)
    held = getattr(cfg, "two", None)
    b = utils.eval_bool(held)
    parser.add_argument("--th-ree", type=lambda x: utils.eval_str_list(x, int))
    subprocess.run(f"cat {self.cfg.four}", shell=True)
    os.system(cfg.part.five)
    model.eval(args.six)
    run(args.seven)
"""
    names = set().union(*(site.options for site in sites(text, "x.py")))
    assert {"one", "two", "th_ree", "four", "five"} <= names
    assert not {"six", "seven"} & names


EVIL = "__import__('os').mkdir('pwned')"


@pytest.mark.parametrize("key", [*EVALUATED, "lr", "update-freq"])
@pytest.mark.parametrize("from_file", [True, False])
def test_no_evaluated_option_runs_code(
    key: str, from_file: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    optimizer = key.split("-")[0] if key.startswith("ada") else "adam"
    optimizer = "adam" if key.startswith("adaptive") else optimizer
    argv = ["--arch=transformersuper", f"--optimizer={optimizer}"]
    if from_file:
        Path("x.yml").write_text(f'{key}: "{EVIL}"\n')
        argv.append("--configs=x.yml")
    else:
        argv.append(f"--{key}={EVIL}")
    with pytest.raises(ConfigError, match=rf"{key}:? holds (2 )?numbers, but found") as refusal:
        parse(training_parser, ["data", *argv])
    assert len(str(refusal.value)) < 150
    assert not Path("pwned").exists()
