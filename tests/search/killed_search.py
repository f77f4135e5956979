"""A search that another process kills: ``python -m tests.search.killed_search FOLDER PAUSE_S``."""

import sys
import time

from tests.search import toy
from tests.search.test_algorithms import make_search


class SlowLoss(toy.Loss):
    def __init__(self, pause_s):
        super().__init__()
        self.pause_s = pause_s

    def score(self, archs):
        time.sleep(self.pause_s)
        return super().score(archs)


def main():
    folder, pause_s = sys.argv[1:]
    result = make_search("evolution", folder, loss=SlowLoss(float(pause_s))).run(40)
    print(result.best().arch)


if __name__ == "__main__":
    main()
