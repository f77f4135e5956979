"""Search for the best SubTransformer under a latency limit."""

from hat.commands.search import main

if __name__ == "__main__":
    main()
