"""Tables, plots and the search report."""
