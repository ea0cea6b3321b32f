"""From images and masks on disk to the arrays that the network reads: numpy and OpenCV only, no tensors."""
