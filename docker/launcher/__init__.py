"""What `make up`, `make down`, `make logs` and the environment rules of the Makefile do; standard library only."""
