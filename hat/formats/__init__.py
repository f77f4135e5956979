"""File formats of others, read without running anything: TFRecord, pickles."""
