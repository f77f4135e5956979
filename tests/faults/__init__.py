"""Bad input: whatever is wrong with it, one sentence says so and nothing is lost or left behind."""
