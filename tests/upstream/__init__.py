"""requests' own tests, sent through our adapter: ``tox run -e upstream``.

``run.py`` fetches them, ``requests_with_tokens.py`` is the pytest plugin that puts the adapter in.
Nothing here is a test of its own, so that the other environments collect nothing.
"""
