"""``hat configs``: the tasks' files that come with hat, and a copy of them to work with."""

from collections.abc import Sequence
from pathlib import Path

from hat.cli.console import command, print_result
from hat.cli.help import Parser
from hat.tasks.shipped import copy_configs, folder, shipped_tasks


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of ``hat configs``."""
    parser = Parser(
        prog="hat configs", description="Lists or copies the tasks' files that come with hat."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="TOOL")
    commands.add_parser("list", help="the tasks, and what their latencies are measured for")
    copy = commands.add_parser("copy", help="copy the files to a folder of your own")
    copy.add_argument("dest", type=Path, help="folder in which configs/ shall be")
    copy.add_argument("--task", action="append", default=[], help="only this one (repeatable)")
    options = parser.parse_args(list(argv or []))
    if options.command == "list":
        tasks = shipped_tasks()
        width = max(len(task.name) for task in tasks)
        for task in tasks:
            print(f"{task.name:<{width}}  {task.about}")
            print(f"{'':<{width}}  for {', '.join(task.hardware)}")
        print_result({"folder": str(folder()), "tasks": [task.name for task in tasks]})
        return
    print_result({"configs": str(copy_configs(options.dest, tuple(options.task)))})
