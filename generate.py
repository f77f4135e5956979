"""Translate with a trained SubTransformer by beam search."""

from hat.commands.generate import main

if __name__ == "__main__":
    main()
