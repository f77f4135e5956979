"""Width-one twins of networks whose weights are all one constant. NumPy only."""
