"""What a JSON Schema says, and values that fit it."""
