"""A stand-in for Intercom and for messaging providers, for development, demonstrations and tests.

It imports none of the packages that it is used to try: a fake that shared their models could not
notice that they drifted from the real thing.
"""
