"""The library against a certified authorization server: ``tox -e interop``."""
