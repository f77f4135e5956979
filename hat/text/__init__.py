"""Lines of text and the scores of translations. No torch here."""
