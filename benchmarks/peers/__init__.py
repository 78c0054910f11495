"""This library and its peers in the same situations, each as its own documentation says.

In reading order: ``libraries.py`` has how a program uses each library, ``token_server.py`` the API
and the token endpoint, ``setting.py`` what every scenario needs, then the scenarios: ``costs.py``,
``expiry.py``, ``rejections.py``, ``outages.py`` and ``fleets.py``, listed in ``scenarios.py``.
``measure.py`` runs one of them for one library in an interpreter of its own; ``command.py`` runs
all of them, and ``page.py`` and ``plots.py`` write what they found.
"""
