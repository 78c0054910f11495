"""One test module for each package that people use beside this library: ``tox run -e ecosystem``.

``packages.py`` names the packages, ``journey.py`` what each test shows, ``install.py`` installs
them, and ``docs/ecosystem.rst`` tells users what the tests found.
"""
