"""What a run left in its folder, as plain facts."""
