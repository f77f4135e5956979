"""Train a SuperTransformer, or one SubTransformer, through fairseq."""

from hat.commands.train import main

if __name__ == "__main__":
    main()
