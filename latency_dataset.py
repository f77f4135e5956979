"""Measure SubTransformers on this device and write a latency dataset."""

from hat.commands.latency_dataset import main

if __name__ == "__main__":
    main()
