"""Search for the best SubTransformer under a latency limit."""

from hat.stages.evo_search import main

if __name__ == "__main__":
    main()
