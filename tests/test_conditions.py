import pytest

from hat.conditions import (
    bytes_digest,
    content_digest,
    differences,
    file_digest,
    files_digest,
    mapping_digest,
    what_differs,
)
from hat.errors import HatError


def test_a_digest_is_of_the_content_and_not_of_the_name(tmp_path):
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "b").write_bytes(b"one")
    assert file_digest(tmp_path / "a") == file_digest(tmp_path / "b") == bytes_digest(b"one")
    (tmp_path / "a").write_bytes(b"two")
    assert file_digest(tmp_path / "a") != file_digest(tmp_path / "b")


def test_several_files_have_one_digest_whatever_their_order(tmp_path):
    paths = [tmp_path / "a", tmp_path / "b"]
    for path in paths:
        path.write_text(path.name)
    before = files_digest(paths)
    assert files_digest(reversed(paths)) == before
    paths[1].write_text("other")
    assert files_digest(paths) != before


def test_a_folder_counts_by_what_lies_in_it_and_is_not_hidden(tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "a").write_text("one")
    before = file_digest(folder)
    (folder / ".hidden").write_text("x")
    (folder / "inner").mkdir()
    assert file_digest(folder) == content_digest(folder) == before
    (folder / "a").write_text("two")
    changed = file_digest(folder)
    assert changed != before
    (folder / "a").rename(folder / "b")
    assert file_digest(folder) not in (before, changed)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(HatError, match=r"gone: cannot be read: No such file"):
        file_digest(tmp_path / "gone")


def test_differences_name_old_and_new():
    old = {"seed": 1, "space": "a", "limits": (1, 2), "gone": 3}
    new = {"seed": 2, "space": "a", "limits": [1, 2], "come": "x" * 100}
    assert differences(old, new) == [
        "seed was 1, is now 2",
        "gone was 3, is now nothing",
        f"come was nothing, is now {'x' * 57}...",
    ]


def test_long_values_show_the_place_where_they_differ():
    old, new = ["same"] * 30, [*["same"] * 29, "other"]
    (found,) = differences({"names": old}, {"names": new})
    assert found == ("names was ...ame', 'same', 'same'], is now ...ame', 'same', 'other']")
    longer = ["same"] * 28 + ["one"] + ["x"] * 30
    (found,) = differences({"names": ["same"] * 28 + ["two"] + ["x"] * 30}, {"names": longer})
    assert "'two'" in found and "'one'" in found and found.count("...") == 4
    assert len(found) < 150


def test_the_first_differences_are_spelt_out_and_the_rest_is_counted():
    old, new = ({f"option{i}": value for i in range(6)} for value in (1, 2))
    text = what_differs(old, new)
    assert text.startswith("option0 was 1, is now 2; option1 was")
    assert text.endswith("option3 was 1, is now 2; and 2 more")
    assert what_differs(old, old) == ""


def test_one_digest_of_all_conditions_whatever_their_order():
    conditions = {"a": 1, "b": (1, 2)}
    assert mapping_digest(conditions) == mapping_digest({"b": [1, 2], "a": 1})
    assert mapping_digest(conditions) != mapping_digest({"a": 1, "b": [2, 1]})


def test_equal_conditions_differ_in_nothing():
    assert differences({"a": {"b": (1, 2)}}, {"a": {"b": [1, 2]}}) == []


def test_several_files_are_digested_in_their_order(tmp_path):
    paths = [tmp_path / "a", tmp_path / "b"]
    for path in paths:
        path.write_text(path.name)
    assert content_digest(paths) == "+".join(map(file_digest, paths))
    assert content_digest(paths[0]) == file_digest(paths[0])


def test_the_first_differences_are_spelt_out_and_the_rest_counted():
    old = dict.fromkeys("abcdef", 1)
    assert what_differs(old, old) == ""
    assert what_differs(old, {**old, "b": 2, "d": 3}) == "b was 1, is now 2; d was 1, is now 3"
    assert what_differs(old, dict.fromkeys("abcdef", 2)).endswith("d was 1, is now 2; and 2 more")


def test_a_mapping_s_digest_is_of_its_content_in_any_order():
    assert mapping_digest({"a": (1, 2), "b": None}) == mapping_digest({"b": None, "a": [1, 2]})
    assert mapping_digest({"a": 1}) != mapping_digest({"a": 2})
