"""What a network is: configurations, search spaces, genes and features. No torch here."""
