"""Parts that pictures of a chip are made of."""
