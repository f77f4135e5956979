"""Published tables of trained architectures behind one interface. No torch here."""
