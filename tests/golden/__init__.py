"""The interface of hat as users see it, written down in ``interface.json`` and compared with.

``python -m tests.golden`` shows what differs from the file; ``python -m tests.golden --update``
writes the file anew. An interface changes on purpose only: whoever updates the file reads its
difference and says in CHANGELOG what users will notice.
"""
