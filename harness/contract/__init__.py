"""What the v1 API takes and gives: its operations, the form in which requests are compared, its host names."""
