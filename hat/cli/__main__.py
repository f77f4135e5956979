"""``python -m hat.cli`` is ``hat``."""

from hat.cli.main import main

main()
