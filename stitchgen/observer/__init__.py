"""The observer: the one script that runs the user's model, with the user's Python.

Owns everything that needs torch. It is started as a program (`__main__.py`), never imported by
the rest of the package, and needs only torch and the standard library (Python 3.8, torch 1.13).
"""
