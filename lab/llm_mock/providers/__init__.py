"""One module a wire format: pure functions from a request's body to a reply."""
