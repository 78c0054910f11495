"""What can be done without writing a program?

``main`` is the command line. ``demo`` shows the main job on this machine; ``calls``, ``ageing`` and
``timeline`` are its parts.
"""
