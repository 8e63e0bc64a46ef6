"""Public: a simulator, real small fakes, and one conformance suite per seam, for who builds on Headrace."""
