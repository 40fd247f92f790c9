"""O(n · chunk) memory for losses over all pairs: the same formula, block by block."""
