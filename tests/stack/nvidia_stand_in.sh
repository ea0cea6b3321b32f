#!/bin/sh
# A stand-in for NVIDIA's container runtime: with it a machine without a GPU can test that the services ask for one.
exec runc "$@"
