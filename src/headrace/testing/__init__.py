"""Public: a simulator, real small fakes, and one conformance suite per seam, for whoever builds on Headrace."""
