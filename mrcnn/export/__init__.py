"""Export: the network as one graph from an image to its objects, in formats that others run."""
