"""What is made of the table of settings: the reference page and the JSON schema; `python -m mrcnn.reference`."""
