"""The live page: what the appliance sees and reads, for whoever has its link, and the same as JSON.

`page` is the observer that the service knows; everything else is imported by the page's own thread, and
never runs in the loop's. `live` makes what is looked at, `api` answers requests, `guard` lets them in.
"""
