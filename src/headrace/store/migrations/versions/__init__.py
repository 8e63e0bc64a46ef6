"""One file per change, in order; none is ever edited once it was released."""
