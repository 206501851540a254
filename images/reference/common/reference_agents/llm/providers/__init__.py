"""One module a provider, each with `connect`; they import the SDKs, so none is imported before it is asked."""
