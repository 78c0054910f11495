"""What can be done without writing a program?

- ``main``: the verbs, each of which is a module that is imported when it is used; exit statuses.
- ``options``, ``settings``: one table of settings; from options and variables to a client.
- ``output``, ``wire``: what is written where; requests and responses without their secrets.
- ``get_token``, ``call``, ``decode``, ``introspect``, ``discover``, ``env``, ``serve``: the verbs.
- ``check``, with ``probe`` (name, connection, proxy, TLS) and ``refused_token_request``.
- ``run_demo``, with ``demo``, ``calls``, ``ageing`` and ``timeline``.
"""
