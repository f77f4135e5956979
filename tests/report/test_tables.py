import csv
import io

from hat.report.tables import Column, csv_table, markdown_table, text_table

COLUMNS = (
    Column("name", lambda row: row[0]),
    Column("loss", lambda row: row[1], ".2f"),
    Column("n", lambda row: row[2]),
)
ROWS = [("a|b", 1.234, 10), ("long name", float("nan"), None)]


def test_text_is_aligned_and_missing_is_a_dash():
    assert text_table(ROWS, COLUMNS).splitlines() == [
        "name       loss   n",
        "a|b        1.23  10",
        "long name     -   -",
    ]


def test_markdown_escapes_bars():
    assert markdown_table(ROWS, COLUMNS).splitlines() == [
        "| name | loss | n |",
        "| --- | ---: | ---: |",
        "| a\\|b | 1.23 | 10 |",
        "| long name | - | - |",
    ]


def test_csv_keeps_all_digits():
    rows = list(csv.reader(io.StringIO(csv_table(ROWS, COLUMNS))))
    assert rows == [["name", "loss", "n"], ["a|b", "1.234", "10"], ["long name", "", ""]]


def test_no_rows_is_a_header():
    assert text_table([], COLUMNS) == "name  loss  n"
