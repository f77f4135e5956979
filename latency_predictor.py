"""Fit a latency predictor to a latency dataset."""

from hat.commands.latency_predictor import main

if __name__ == "__main__":
    main()
