"""Export: the network as one graph from a picture to its objects, in formats that others run."""
